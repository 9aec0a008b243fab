package lb

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// bodyGrace is how long a client may take to send the rest of a body for which its answer does not wait any more: net/http reads on
// for it before it takes the next request, and in part before it answers.
const bodyGrace = 5 * time.Second

// stream is a body that is passed on to a server as it comes.
type stream struct {
	io.ReadCloser
	whole atomic.Bool // it was read to its end
	came  func()      // is called then

	mu   sync.Mutex // held while it is read
	over bool
}

var errOver = errors.New("the request is over")

func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return 0, errOver
	}
	n, err := s.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) && !s.whole.Swap(true) {
		s.came()
	}
	return n, err
}

// end waits until nobody reads any more.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// unread tells whether some of the body has not been read yet that is passed on as it comes.
func (p *passage) unread() bool { return p.stream != nil && !p.stream.whole.Load() }

// leave bounds how long net/http waits for what was not read of the body. It forgets bounds when it has to stop somebody who reads, so the
// transport is stopped before.
func (p *passage) leave() {
	switch {
	case p.unread():
		p.bodyUntil(time.Unix(1, 0))
		p.stream.end()
		p.bodyUntil(time.Now().Add(bodyGrace))
	case p.stream == nil && !p.replays:
		p.bodyUntil(time.Now().Add(bodyGrace))
	}
}

// noMore ends a connection behind an answer: what still comes of a body that was not read to its end would be taken for the next request.
func noMore(answer http.Header, r *http.Request) {
	if r.ProtoMajor == 1 {
		answer.Set("Connection", "close")
	}
}
