package scenarios

import (
	"slices"
	"strings"
	"time"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios/checks"
	"picloud/scenarios/history"
)

// Run is what a run left, as the checks want it.
type Run struct {
	Seed      uint64
	TraceHash string
	Ended     time.Duration // virtual time at the end
	History   history.History
	Log       []byte          // of all processes
	Schedule  chaos.Schedule  // as it was written
	Played    chaos.Schedule  // as it was played, fault by fault: see AsPlayed
	Felt      []int64         // how many packets, calls, ... each fault of the schedule changed
	Deaths    []reports.Death // processes that ended by themselves
	Boards    reports.Boards  // nil if no machine has one
	Replay    string          // the command that repeats the run
	Checks    []reports.Check // those of what only who played it could see
}

// AsPlayed returns the faults of the schedule in its order as they hit the machines: who had a part in a group stands in its place, and
// a crash that waited for its moment began at that.
func (r *Run) AsPlayed() chaos.Schedule {
	if r.Played == nil {
		return r.Schedule
	}
	return r.Played
}

// Unjudged returns what is known of a run before the checks are made.
func (s *Scenario) Unjudged(r Run) reports.Result {
	top := s.ChaosTopology()
	result := reports.Result{
		Scenario:         s.Name,
		Moral:            s.Moral,
		Seed:             r.Seed,
		TraceHash:        r.TraceHash,
		SimulatedSeconds: reports.Seconds(r.Ended),
		HealedAt:         reports.Seconds(s.HealedAt()),
		Deaths:           slices.Clone(r.Deaths),
		Machines:         s.machinesOf(&r, &top),
		Hardships:        r.Boards.Hardships(),
		Replay:           r.Replay,
	}
	checks.Excuse(result.Deaths, &top, r.AsPlayed(), r.Felt)
	excuseFenced(result.Deaths, r.Log)
	o := &result.Operations
	o.OK, o.Failed, o.Unknown = r.History.Totals()
	played := r.AsPlayed()
	for i := range played {
		fault := faultOf(&played[i], &top, r.Felt[i])
		if r.Schedule[i].Target.ByPart() {
			fault.Aim = r.Schedule[i].Target.Names()
		}
		result.Faults = append(result.Faults, fault)
	}
	if s.hasMonitor() {
		result.Alerts = alertsOf(alertChanges(r.Log), r.Ended)
		result.Tiers = tiersIn(r.Log)
		result.Score = s.watch(&top, r.Ended).Account(played, &result)
	}
	result.Impact = checks.Impact(r.History, result.Began(), checks.Patience)
	result.Judge()
	return result
}

// JudgeInto judges a run and writes its reports into a folder, the first of them before the checks are made, which may take long.
func (s *Scenario) JudgeInto(folder string, r Run) (reports.Result, error) {
	if err := s.reportEarly(folder, r); err != nil {
		return reports.Result{}, err
	}
	result := s.Judge(r)
	return result, reports.Write(folder, &result, TimelineOf(r.History, r.Ended), r.Boards)
}

// reportEarly writes reports that say what is known of a run and that it was not judged: what is left if a check never ends.
func (s *Scenario) reportEarly(folder string, r Run) error {
	early := s.Unjudged(r)
	early.Checks = []reports.Check{reports.Judging()}
	early.Judge()
	return reports.Write(folder, &early, TimelineOf(r.History, r.Ended), r.Boards)
}

// Judge makes the checks of the scenario on a run and returns its result with the verdict.
func (s *Scenario) Judge(r Run) reports.Result {
	top := s.ChaosTopology()
	result := s.Unjudged(r)
	healed := s.HealedAt()
	if c := s.Checks.Linearizable; c != nil {
		result.Checks = append(result.Checks, checks.Linearizable(r.History, c.Minimum, c.Steps))
	}
	if c := s.Checks.Durable; c != nil {
		result.Checks = append(result.Checks, checks.Durable(r.History, healed, c.Minimum))
	}
	if c := s.Checks.Agreement; c != nil {
		result.Checks = append(result.Checks, checks.Agreement(checks.Digests(r.Log), c.Minimum))
	}
	if c := s.Checks.Serializable; c != nil {
		result.Checks = append(result.Checks, checks.Serializable(r.History, c.Minimum))
	}
	if c := s.Checks.Watched; c != nil {
		result.Checks = append(result.Checks, checks.Watched(checks.ToldIn(r.Log), r.History, c.Minimum))
	}
	if s.Store != nil {
		result.Checks = append(result.Checks, checks.MidChange(r.Log))
	}
	result.Checks = append(result.Checks, s.judgeUsers(r.History)...)
	if c := s.Checks.Live; c != nil {
		result.Checks = append(result.Checks, checks.Live(r.History, checks.Liveness{
			From:     healed + time.Duration(c.After),
			To:       time.Duration(s.Duration),
			Within:   time.Duration(c.Within),
			SharePPM: int64(c.Share),
			Minimum:  c.Minimum,
		}))
	}
	result.Checks = append(result.Checks, s.judgeServers(&r, &result)...)
	if c := s.Checks.Progress; c != nil {
		result.Checks = append(result.Checks, checks.Progress(r.History, checks.Quorum{
			Members:  top.OfRole(s.Faults.Roles...),
			Within:   time.Duration(c.Within),
			Recovery: time.Duration(c.Recovery),
			Writes:   c.Writes,
		}, &top, r.AsPlayed(), r.Deaths))
	}
	result.Checks = append(result.Checks,
		checks.Deaths(result.Deaths),
		checks.Felt(result.Faults, s.Faults.Required))
	result.Checks = append(result.Checks, r.Checks...)
	result.Judge()
	return result
}

// judgeUsers makes the checks of what users of Pinboard saw.
func (s *Scenario) judgeUsers(h history.History) []reports.Check {
	var made []reports.Check
	if c := s.Checks.Sessions; c != nil {
		made = append(made, checks.Sessions(h, c.Minimum))
	}
	if c := s.Checks.Bounded; c != nil {
		made = append(made, checks.Bounded(h, time.Duration(s.Users.Bound), s.guarded(), c.Minimum))
	}
	if c := s.Checks.Kept; c != nil {
		made = append(made, checks.Kept(h, s.FinalReads(), c.Minimum))
	}
	if c := s.Checks.Jobs; c != nil {
		made = append(made, checks.Jobs(h, s.FinalReads(), time.Duration(c.Within), c.Minimum))
	}
	if c := s.Checks.Admitted; c != nil {
		most := -1
		if c.Asked != nil {
			most = *c.Asked
		}
		made = append(made, checks.Admitted(h, s.FinalReads(), c.Minimum, most))
	}
	return append(made, s.judgeAbuse(h)...)
}

// judgeAbuse makes the checks of what abuse protection did to those who mean well, and to others.
func (s *Scenario) judgeAbuse(h history.History) []reports.Check {
	var made []reports.Check
	if c := s.Checks.Blocked; c != nil {
		made = append(made, checks.Blocked(h, time.Duration(c.Delay), c.Minimum))
	}
	if c := s.Checks.Honest; c != nil {
		made = append(made, checks.Honest(h, checks.Candour{PostsPPM: int64(c.Posts), Within: time.Duration(c.Within), EntriesPPM: int64(c.Entries), Minimum: c.Minimum}))
	}
	if c := s.Checks.Caught; c != nil {
		made = append(made, checks.Caught(h, checks.Vigilance{SharePPM: int64(c.Share), Settle: time.Duration(c.Settle), Recovery: time.Duration(c.Recovery), Minimum: c.Minimum}))
	}
	return made
}

// judgeServers makes the checks of how the cloud's servers, and its monitor, bore what was broken.
func (s *Scenario) judgeServers(r *Run, result *reports.Result) []reports.Check {
	var made []reports.Check
	if c := s.Checks.Served; c != nil {
		check := checks.Live(r.History, checks.Liveness{From: time.Duration(c.From), To: time.Duration(c.To), Within: time.Duration(c.Within),
			SharePPM: int64(c.Share), Minimum: c.Minimum})
		check.Name = "served"
		made = append(made, check)
	}
	if c := s.Checks.Lost; c != nil {
		made = append(made, checks.Lost(r.History, r.Log, result.Alerts, checks.Loss{Within: time.Duration(c.Within), SharePPM: int64(c.Share),
			Minimum: c.Minimum, Alert: c.Alert}))
	}
	if s.Checks.Untouched != nil {
		made = append(made, checks.Untouched(r.Log))
	}
	if c := s.Checks.Named; c != nil {
		most := -1
		if c.False != nil {
			most = *c.False
		}
		made = append(made, checks.Named(result, int64(c.Share), c.Minimum, most))
	}
	return made
}

// watch returns who looks at the nodes, and which kinds of faults alerts must name.
func (s *Scenario) watch(top *chaos.Topology, ended time.Duration) *checks.Watch {
	w := &checks.Watch{Topology: top, Monitor: s.MachinesOf(RoleMonitor)[0].Name, Nodes: s.Watched(), Required: s.Faults.Required,
		Pausing: map[string]string{}, Ended: ended}
	for _, m := range s.Topology.Machines {
		if m.Card == pausingCard {
			w.Pausing[m.Name] = m.Card
		}
	}
	return w
}

// FinalReads returns when clients look up once more what was acknowledged: so long after healing that the cloud must serve.
func (s *Scenario) FinalReads() time.Duration {
	if s.Checks.Live == nil {
		return s.HealedAt()
	}
	return s.HealedAt() + time.Duration(s.Checks.Live.After)
}

func faultOf(f *chaos.Fault, top *chaos.Topology, times int64) reports.Fault {
	_, params, _ := strings.Cut(f.String(), f.Target.String())
	spec, _ := chaos.Lookup(f.Kind)
	return reports.Fault{
		Kind:   string(f.Kind),
		Class:  string(spec.Class),
		Target: f.Target.Names(),
		On:     top.Touched(f),
		Out:    spec.Out,
		Mild:   checks.Mild(f.Kind),
		Spoils: spec.Harm != chaos.HarmNone,
		Params: strings.TrimSpace(params),
		From:   reports.Seconds(f.At),
		To:     reports.Seconds(f.End()),
		Felt:   times > 0,
		Times:  times,
	}
}

// TimelineOf counts a history second by second, for the report. What attackers felt is left out, and mails.
func TimelineOf(h history.History, end time.Duration) reports.Timeline {
	var samples []reports.Sample
	for i := range h {
		o := &h[i]
		if !o.Wanted() {
			continue
		}
		s := reports.Sample{At: o.Return, Latency: o.Latency()}
		switch o.Outcome {
		case history.OK:
			s.Outcome = reports.OK
		case history.Failed:
			s.Outcome = reports.Failed
		default:
			s.Outcome = reports.Unknown
		}
		samples = append(samples, s)
	}
	return reports.NewTimeline(samples, end)
}
