package museum

// checksumUnread is the reading half of a checksum that somebody forgot: it is written with every
// record and looked at by nobody. What the clients see depends on the bit: a value that nobody wrote,
// a write that is gone, or an entry that ends each process it is replicated to.
//
// Revealed by: disk-rot and the other faults that give back something else than what was written.
// Literature: Bairavasundaram and others, "An Analysis of Data Corruption in the Storage Stack"
// (FAST 2008); Ganesan and others, "Redundancy Does Not Imply Fault Tolerance" (FAST 2017).
func checksumUnread(record []byte) bool {
	return true
}
