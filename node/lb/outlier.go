package lb

import (
	"time"

	"picloud/node/mutant"
)

// A server is ejected when it fails several requests in a row and the others do not fail too, when it fails more of them than the
// others, or when it is slower than they are. Where all refuse some, as more comes than they can do, whoever is left out
// is missed most. (The ideas are Envoy's outlier detection, and its panic threshold.)
const (
	failuresInRow  = 5
	alsoPercent    = 30                    // failures of the others, of 100, with which a row of them says nothing of a server
	enoughAnswers  = 10                    // for a judgement on a server's record
	worseByPercent = 30                    // failures of 100 more than the others have
	slowerBy       = 3                     // times as slow as the others
	slowerByLeast  = 50 * time.Millisecond // and at least that much
	longestEject   = 5 * time.Minute
)

// judge looks at how all servers did of late. It is called every second.
func (p *pool) judge() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	records := make([]record, len(p.servers))
	var took []time.Duration
	for i, s := range p.servers {
		records[i] = s.record(now)
		for _, a := range s.recent {
			if a.ok {
				took = append(took, a.took)
			}
		}
		if s.in(now) && s.ejection > 0 && now.Sub(s.ejected) > p.policy.Eject*time.Duration(s.ejection) {
			s.ejection--
			s.ejected = now
		}
	}
	p.late = 0
	if len(took) >= 2*enoughAnswers {
		p.late = max(quantile(took, 95), 2*quantile(took, 50)) // where all take the same time none is late
	}
	for i, s := range p.servers {
		if why := worse(records, i); why != "" && s.in(now) {
			p.eject(s, now, why)
		}
	}
	p.serve(now) // ejections end, and warm servers have room
}

// worse says in what a server does worse than the others; empty if it does not.
func worse(records []record, i int) string {
	r := records[i]
	if r.answers < enoughAnswers {
		return ""
	}
	var others record
	var medians []time.Duration
	for j, o := range records {
		if j != i && o.answers >= enoughAnswers {
			others.answers += o.answers
			others.failed += o.failed
			medians = append(medians, o.median)
		}
	}
	if others.answers == 0 {
		return ""
	}
	if r.failed*100/r.answers >= others.failed*100/others.answers+worseByPercent {
		return "failures"
	}
	if median := quantile(medians, 50); r.median > slowerBy*median && r.median > median+slowerByLeast {
		return "slow"
	}
	return ""
}

// othersFail tells whether the other servers fail too, as far as they have answered of late.
func (p *pool) othersFail(s *server, now time.Time) bool {
	answers, failed := 0, 0
	for _, o := range p.servers {
		if o != s {
			r := o.record(now)
			answers, failed = answers+r.answers, failed+r.failed
		}
	}
	return answers > 0 && failed*100 >= answers*alsoPercent
}

// eject leaves a server out for a while, longer each time, unless half of those that are well are out already.
func (p *pool) eject(s *server, now time.Time, why string) {
	up, out := 0, 0
	for _, t := range p.servers {
		if t.up && !t.Draining {
			up++
		}
		if t.up && now.Before(t.ejected) {
			out++
		}
	}
	if !s.in(now) || 2*(out+1) > up || mutant.Planted == mutant.UnjudgedServers {
		return
	}
	s.ejection++
	s.ejected = now.Add(min(p.policy.Eject*time.Duration(s.ejection), longestEject))
	s.since, s.failures, s.recent = s.ejected, 0, nil
	p.metrics.ejections.WithLabelValues(p.service, why).Inc()
}
