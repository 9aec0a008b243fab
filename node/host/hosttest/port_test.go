package hosttest

import "testing"

// A test that asks for several ports uses none of them before it has all, so
// that nothing but the memory of FreePort keeps them apart.
func TestPortsAreGivenOnce(t *testing.T) {
	given := map[string]bool{}
	for range 2000 {
		port := FreePort(t)
		if given[port] {
			t.Fatalf("port %s is given twice", port)
		}
		given[port] = true
	}
}
