package hosttest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
)

// Ports that FreePort gives: below those that the kernel gives away itself
// (from 32768 on, ip(7), ip_local_port_range), as a port of a test that nobody
// listens on yet may otherwise be that of another's connection.
const lowPort, highPort = 10000, 32768

// asked counts the ports that this process asked about, from a beginning of
// its own, so that no two tests are given the same and two processes seldom.
var (
	beginning = rand.Uint32N(highPort - lowPort)
	asked     atomic.Uint32
)

// FreePort returns a port of the loopback that nobody listens on now, and that
// it has not returned before.
func FreePort(t testing.TB) string {
	t.Helper()
	for range highPort - lowPort {
		port := strconv.Itoa(int(lowPort + (beginning+asked.Add(1))%(highPort-lowPort)))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue // somebody listens there
		}
		must(t, l.Close())
		return port
	}
	t.Fatalf("no port from %d to %d is free", lowPort, highPort)
	return ""
}
