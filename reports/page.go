package reports

// Page stub.
func Page(r *Result, t Timeline) string { return "" }
