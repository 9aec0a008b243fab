package raftnet

import (
	"net"
	"time"
)

// messageLimit is how long a message that has begun may stand still.
const messageLimit = 15 * time.Second

// steady is a stream of requests that is closed when one of them stops in its middle, as its sender is gone. Hashicorp/raft (1.8.0) reads snapshots in
// its main loop, and does nothing else for as long as it waits for the rest. Requests are answered one after the other, so one has begun when
// something has come and nothing was sent since; between two of them there is no limit.
type steady struct {
	net.Conn
	// The goroutine that reads answers afterwards, or hands over to the one that does.
	begun   bool
	limited bool
}

func (s *steady) Read(b []byte) (int, error) {
	if s.begun {
		s.limited = true
		s.Conn.SetReadDeadline(time.Now().Add(messageLimit)) // if that fails, so does the read
	}
	n, err := s.Conn.Read(b)
	if s.limited && err != nil {
		s.Conn.Close() // what comes later is no beginning
	}
	s.begun = s.begun || n > 0
	return n, err
}

func (s *steady) Write(b []byte) (int, error) {
	s.begun = false
	if s.limited {
		s.limited = false
		s.Conn.SetReadDeadline(time.Time{})
	}
	return s.Conn.Write(b)
}
