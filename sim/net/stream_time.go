package net

import (
	"syscall"
	"time"
)

// sampleRTT takes a measured round trip into the smoothed one (RFC 6298).
func (s *stream) sampleRTT(d time.Duration) {
	if s.srtt == 0 {
		s.srtt, s.rttvar = d, d/2
		return
	}
	s.rttvar += ((d - s.srtt).Abs() - s.rttvar) / 4
	s.srtt += (d - s.srtt) / 8
}

// rto returns the time until what was sent counts as lost; it doubles with each retry.
func (s *stream) rto() time.Duration {
	d := initialRTO
	if s.srtt != 0 {
		d = max(s.srtt+4*s.rttvar, minRTO)
	}
	for range s.retries {
		if d *= 2; d >= maxRTO {
			return maxRTO
		}
	}
	return d
}

// startTimer makes sure that a timer runs while something is outstanding, or waits for a window
// to open.
func (s *stream) startTimer() {
	if s.timer != nil || s.una == s.top && s.nxt >= s.end() {
		return
	}
	s.deadline = s.host.net.loop.Now().Add(s.rto())
	s.timer = s.host.net.loop.At(s.deadline, s.onTimer)
}

// restartTimer moves the deadline. A timer that is due earlier stays and moves when it fires,
// which is cheaper than to move it with every acknowledgement.
func (s *stream) restartTimer() {
	s.deadline = s.host.net.loop.Now().Add(s.rto())
	if s.timer != nil && s.timer.When() > s.deadline {
		s.stopTimer()
	}
	if s.timer == nil {
		s.timer = s.host.net.loop.At(s.deadline, s.onTimer)
	}
}

func (s *stream) stopTimer() {
	s.host.net.loop.Stop(s.timer)
	s.timer = nil
}

func (s *stream) stopTimers() {
	s.stopTimer()
	s.host.net.loop.Stop(s.idle)
	s.idle = nil
}

// timeout sends again what was not acknowledged, from the oldest byte on and slowly.
func (s *stream) timeout() {
	s.timer = nil
	if s.host.net.loop.Now() < s.deadline {
		s.timer = s.host.net.loop.At(s.deadline, s.onTimer)
		return
	}
	s.retries++
	if s.state != stateOpen {
		if s.retries > s.retryLimit() {
			s.fail(syscall.ETIMEDOUT)
			return
		}
		s.sendSYN()
		return
	}
	if s.una == s.top { // the peer's window is closed: it may be so for as long as the peer answers
		if s.probes++; s.probes > s.retryLimit() {
			s.fail(syscall.ETIMEDOUT)
			return
		}
		s.sendProbe()
		s.startTimer()
		return
	}
	if s.retries > s.retryLimit() {
		s.fail(syscall.ETIMEDOUT)
		return
	}
	if s.retries == 1 {
		s.ssthresh = max(int64(s.top-s.una)/2, 2*mss)
	}
	s.cwnd = mss
	s.recovering, s.recover = false, s.top
	s.nxt = s.una
	s.timedSeq = 0
	s.output()
}

func (s *stream) retryLimit() int {
	switch {
	case s.state == stateSynSent:
		return synRetries
	case s.state == stateSynReceived:
		return synAckRetries
	case s.owner == nil:
		return orphanRetries
	}
	return dataRetries
}

func (s *stream) startIdle(d time.Duration) {
	s.host.net.loop.Stop(s.idle)
	s.idle = s.host.net.loop.After(d, s.onIdle)
}

// idleTimeout probes a peer that was silent, and gives up one that does not answer.
func (s *stream) idleTimeout() {
	now := s.host.net.loop.Now()
	silent := now.Sub(s.heard)
	switch {
	case s.owner == nil:
		if s.finAcked() {
			s.remove() // the peer does not close its end
		}
	case s.probes == 0 && silent < keepAliveIdle:
		s.startIdle(keepAliveIdle - silent)
	case s.una < s.end() || s.una < s.top:
		s.startIdle(keepAliveIdle) // the other timer watches the peer
	case s.probes >= keepAliveProbes:
		s.sendReset()
		s.fail(syscall.ETIMEDOUT)
	default:
		s.probes++
		s.sendProbe()
		s.startIdle(keepAliveIdle)
	}
}
