package net

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"syscall"
)

// openStreams returns the open ends on ways that the place matches, in a fixed order.
func (n *Network) openStreams(w Where, match func(*pair) bool) []*stream {
	var found []*stream
	for _, h := range n.hosts {
		for _, s := range h.streams {
			if s.state != stateOpen || s.pair.from == s.pair.to || !match(s.pair) {
				continue
			}
			if w.Port == 0 || s.from.port() == w.Port || s.to.port() == w.Port {
				found = append(found, s)
			}
		}
	}
	slices.SortFunc(found, func(a, b *stream) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
	return found
}

// onStreams makes the rule of a fault that happens once, to a share of the open streams.
func onStreams(n *Network, w Where, ppm int, do func(*stream)) (rule, error) {
	match, err := w.matcher(n)
	if err != nil {
		return rule{}, err
	}
	if err := checkPPM("share of streams", ppm); err != nil {
		return rule{}, err
	}
	start := func(a *Applied) {
		rng := n.loop.Stream("net/fault/" + a.name)
		a.felt += struck(rng, ppm, n.openStreams(w, match), do)
	}
	return rule{start: start}, nil
}

func struck(rng *rand.Rand, ppm int, streams []*stream, do func(*stream)) (count int64) {
	for _, s := range streams {
		if strikes(rng, ppm) && s.state == stateOpen {
			do(s)
			count++
		}
	}
	return count
}

// Reset resets open streams at both ends at once, as a firewall between them can. From is the
// end that dialled or accepted: an end matches by where it sends to.
type Reset struct {
	Where
	PPM int // share of the streams
}

func (f Reset) rule(n *Network) (rule, error) {
	return onStreams(n, f.Where, f.PPM, func(s *stream) {
		if peer := s.peer(); peer != nil {
			peer.fail(syscall.ECONNRESET)
		}
		s.fail(syscall.ECONNRESET)
	})
}

// HalfOpen makes one end of open streams forget them in silence: the ends at From, of streams to
// To. Its process sees ECONNABORTED; the other end learns of it when it next sends or probes.
type HalfOpen struct {
	Where
	PPM int // share of the streams
}

func (f HalfOpen) rule(n *Network) (rule, error) {
	return onStreams(n, f.Where, f.PPM, func(s *stream) { s.fail(syscall.ECONNABORTED) })
}

// peer returns the other end of the stream, nil if it is gone.
func (s *stream) peer() *stream {
	if p := s.pair.to.streams[makeFlow(s.to.port(), s.from)]; p != nil && p.state == stateOpen {
		return p
	}
	return nil
}
