package raftnet

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestAStreamThatStopsWithinAMessageIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		c := &steady{Conn: here}
		say := func(conn net.Conn, what string) {
			t.Helper()
			if _, err := conn.Write([]byte(what)); err != nil {
				t.Error(err)
			}
		}
		hear := func(conn net.Conn) {
			t.Helper()
			if _, err := conn.Read(make([]byte, 8)); err != nil {
				t.Error(err)
			}
		}
		for range 2 { // between two messages it may be as long as it likes, within one not
			go func() {
				time.Sleep(10 * messageLimit)
				say(there, "begins")
				time.Sleep(messageLimit - time.Second)
				say(there, "goes on")
				hear(there)
			}()
			hear(c)
			hear(c)
			say(c, "answer")
		}
		go say(there, "begins")
		hear(c)
		began := time.Now()
		if _, err := c.Read(make([]byte, 8)); err == nil || time.Since(began) != messageLimit {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		if _, err := there.Read(make([]byte, 8)); err != io.EOF {
			t.Errorf("the other end has %v", err)
		}
	})
}
