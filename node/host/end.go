package host

// End ends the process, with a panic that nobody recovers: it is in a goroutine of its own. So it also ends one that serves a request, and
// none that is on the way there, in a library or in ours, goes on. It does not return.
func End(why string) {
	go panic(why)
	select {}
}
