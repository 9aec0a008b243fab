package reports

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// story is a run of a hundred seconds in which pi-1 lost its power from 20 s to 30 s.
func story(change func(*Result)) *Result {
	r := &Result{Verdict: Pass, SimulatedSeconds: 100e9, HealedAt: 60e9, Checks: []Check{{Name: "live", Status: Pass}},
		Faults: []Fault{{Kind: "power-cut", Class: "process", Target: "pi-1", On: []string{"pi-1"}, Out: true, Felt: true, From: 20e9, To: 30e9}},
		Impact: &Impact{From: 20e9, Within: 1e9, Requests: 800, Failed: 6, Unknown: 3, Late: 1, Clients: 4, Hit: 2, Bad: 3e9, Recovery: 4e9,
			Kinds: []KindImpact{{"write", 300, 9}, {"read", 500, 1}}, Stretches: []Stretch{{From: 20e9, To: 24e9, Requests: 40, Harmed: 10}}},
		Machines: []Machine{{Name: "pi-1", Leads: []Lead{{Group: 3, Term: 2, From: 1e9, To: 20e9}}}},
	}
	change(r)
	return r
}

func TestTheFirstScreenAnswers(t *testing.T) {
	fails := func(check string, harm *Harm) func(*Result) {
		return func(r *Result) {
			r.Checks = []Check{{Name: check, Status: Fail, Detail: "2 reads miss a change", Harm: harm}}
		}
	}
	broken := fails("durable", &Harm{Clients: 2, Times: 3, First: 70e9, Last: 100e9, Promised: 15e9})
	stale := fails("linearizable", &Harm{Clients: 1, Times: 2, First: 21e9, Last: 40e9})
	again := func(until Seconds) func(*Result) {
		return func(r *Result) {
			for t := Seconds(25e9); t < until; t += 1e9 {
				r.Deaths = append(r.Deaths, Death{Machine: "pi-2", At: t, Reason: "exit status 1", Stack: "the card is damaged\n", AllowedBy: "x"})
			}
		}
	}
	quiet := func(r *Result) {
		r.Impact.Failed, r.Impact.Unknown, r.Impact.Late, r.Impact.Hit, r.Impact.Stretches, r.Impact.Kinds = 0, 0, 0, 0, nil, nil
	}
	early := func(r *Result) { // a check ended it before the fault was due
		quiet(r)
		fails("confined", nil)(r)
		r.SimulatedSeconds, r.Faults[0].Felt = 3e9, false
		r.Impact.From, r.Impact.Requests, r.Impact.Until = 0, 412, 3e9
	}
	const broke, felt, long, why, heal = 0, 1, 2, 3, 4
	for _, c := range []struct {
		name   string
		change func(*Result)
		answer int
		want   string
	}{
		{"one fault", func(*Result) {}, broke, "1 fault: power-cut of pi-1 from 20 s to 30 s."},
		{"no fault", func(r *Result) { r.Faults = nil }, broke, "Nothing was broken on purpose."},
		{"a fault that did nothing", func(r *Result) { r.Faults[0].Felt = false }, broke, "1 fault was played, and none had an effect."},
		{"it ended before any fault", early, broke,
			"A process did what the simulator does not serve, and the run ended there (check confined). No fault was played: the run ended at 3 s, before the first."},
		{"it ended before any fault", early, felt, "All 412 requests were answered in time; whom else this touched, the check confined does not say."},
		{"it ended before any fault", early, heal, "No: what confined found is not undone by waiting. Clients were served all the time."},
		{"it ended before any fault, and requests failed", func(r *Result) {
			early(r)
			r.Impact.Failed, r.Impact.Recovery, r.Impact.Stretches = 9, 2e9, []Stretch{{From: 1e9, To: 2e9, Requests: 9, Harmed: 9}}
		}, long, "In 3 seconds of the run more than one in twenty requests went wrong, from 1 s to 2 s. The last was over 2 s after the beginning."},
		{"it ended before some faults", func(r *Result) {
			r.SimulatedSeconds = 40e9
			r.Faults = append(r.Faults, Fault{Kind: "kill", Target: "pi-2", From: 40e9, To: 41e9}, Fault{Kind: "kill", Target: "pi-2", From: 50e9, To: 51e9})
		}, broke, "1 fault: power-cut of pi-1 from 20 s to 30 s. The run ended before 2 more were due."},
		{"what it came to did nothing", func(r *Result) {
			r.SimulatedSeconds, r.Faults[0].Felt = 40e9, false
			r.Faults = append(r.Faults, Fault{Kind: "kill", Target: "pi-2", From: 50e9, To: 51e9})
		}, broke, "1 fault was played, and none had an effect. The run ended before 1 more was due."},
		{"a promise", broken, broke, "Changes that had been acknowledged were gone (check durable). 1 fault: power-cut of pi-1 from 20 s to 30 s."},
		{"a process that nobody touched", func(r *Result) { r.Deaths = []Death{{Machine: "pi-2", At: 21e9}} }, broke,
			"1 fault: power-cut of pi-1 from 20 s to 30 s. 1 process ended by itself, which no fault excuses; the first on pi-2 at 21 s."},
		{"a promise that has no words yet", fails("odd", nil), broke, "The check odd failed. 1 fault: power-cut of pi-1 from 20 s to 30 s."},
		{"two promises", func(r *Result) { broken(r); r.Checks = append(r.Checks, Check{Name: "live", Status: Fail}) }, broke,
			"Changes that had been acknowledged were gone (check durable). live failed, too. 1 fault: power-cut of pi-1 from 20 s to 30 s."},
		{"a process that ends again and again", again(60e9), broke,
			"1 fault: power-cut of pi-1 from 20 s to 30 s. The process on pi-2 ended by itself 35 times from 25 s on: the card is damaged."},
		{"some felt it", func(*Result) {}, felt,
			"2 of 4 clients and 10 of 800 requests since the first fault: 6 failed, of 3 nobody knows, 1 took over 1 s. They were write (9 of 300) and read (1 of 500)."},
		{"some were done wrong", broken, felt,
			"2 of 4 clients missed one of them, 3 times. Slow or failed: 2 of 4 clients and 10 of 800 requests since the first fault: 6 failed, of 3 nobody knows, 1 took over 1 s. They were write (9 of 300) and read (1 of 500)."},
		{"done wrong, and in time", func(r *Result) { quiet(r); broken(r) }, felt, "2 of 4 clients missed one of them, 3 times. All 800 requests since the first fault were answered in time."},
		{"nobody felt it", quiet, felt, "Nobody: all 800 requests since the first fault went well."},
		{"a check that knows neither whom nor when", func(r *Result) { quiet(r); fails("caught", nil)(r) }, felt,
			"All 800 requests since the first fault were answered in time; whom else this touched, the check caught does not say."},
		{"a check that knows neither whom nor when", func(r *Result) { quiet(r); fails("caught", nil)(r) }, why,
			"When that was, the check does not know. It says: caught: 2 reads miss a change."},
		{"a process that no fault excuses, and no request failed", func(r *Result) {
			quiet(r)
			fails("no-unexpected-death", nil)(r)
			r.Deaths = []Death{{Machine: "pi-2", At: 21e9}}
		}, why, "At 21 s power-cut of pi-1 (it led group 3) had stood for 1 s; the process on pi-2 ended by itself."},
		{"what spoilt it, and not what came after it was seen", func(r *Result) {
			quiet(r)
			fails("durable", &Harm{Clients: 1, Times: 1, First: 25e9, Last: 25e9, Promised: 15e9})(r)
			r.Faults[0].From, r.Faults[0].To = 50e9, 60e9
			r.Faults = append(r.Faults, Fault{Kind: "disk-lost-write", Target: "pi-2", Felt: true, Spoils: true, From: 16e9, To: 20e9})
		}, why, "The first of what did not last had been acknowledged at 15 s; the first fault after that, 1 s later, was disk-lost-write of pi-2."},
		{"what takes nothing out is passed over", func(r *Result) {
			quiet(r)
			broken(r)
			r.Faults = append(r.Faults, Fault{Kind: "clock-step", Target: "pi-2", Felt: true, From: 16e9, To: 16e9})
		}, why, "The first of what did not last had been acknowledged at 15 s; the first that takes something out or spoils it, 5 s later, was power-cut of pi-1."},
		{"nobody was there", func(r *Result) { r.Impact = nil }, felt, "Nobody asked for anything."},
		{"nobody was there any more", func(r *Result) { r.Impact = &Impact{From: 20e9} }, felt, "Nobody asked for anything since the first fault."},
		{"without a fault all counts", func(r *Result) { quiet(r); r.Faults, r.Impact.From = nil, 0 }, felt, "Nobody: all 800 requests went well."},
		{"without a fault all counts", func(r *Result) { r.Faults, r.Impact.From = nil, 0 }, long,
			"In 3 seconds of the run more than one in twenty requests went wrong, from 20 s to 24 s. The last was over 4 s after the beginning."},
		{"nobody was there", func(r *Result) { r.Impact = &Impact{From: 20e9} }, heal, "There was nothing to heal: nobody asked for anything since the first fault."},
		{"one stretch", func(*Result) {}, long,
			"In 3 seconds since the first fault more than one in twenty requests went wrong, from 20 s to 24 s. The last was over 4 s after the first fault."},
		{"wrong for a time", func(r *Result) { quiet(r); stale(r) }, long, "That was seen from 21 s to 40 s. In no second since the first fault did more than one in twenty requests go wrong."},
		{"no stretch", quiet, long, "In no second since the first fault did more than one in twenty requests go wrong."},
		{"it led", func(*Result) {}, why, "At 20 s power-cut of pi-1 began (it led group 3)."},
		{"an alert named it", func(r *Result) { r.Faults[0].Named = &Naming{"NodeDown", 11e9} }, why,
			"At 20 s power-cut of pi-1 began (it led group 3), and NodeDown named it after 11 s."},
		{"a fault that had just ended", func(r *Result) { r.Impact.Stretches = []Stretch{{From: 32e9, To: 34e9, Requests: 9, Harmed: 9}} }, why, "At 32 s power-cut of pi-1 (it led group 3) had ended 2 s before."},
		{"a fault long ago", func(r *Result) { r.Impact.Stretches = []Stretch{{From: 50e9, To: 54e9, Requests: 9, Harmed: 9}} }, why, "At 50 s no fault stood that had an effect."},
		{"what is spoilt stays so", func(r *Result) {
			r.Impact.Stretches = []Stretch{{From: 80e9, To: 84e9, Requests: 9, Harmed: 9}}
			r.Faults = append(r.Faults, Fault{Kind: "disk-rot", Target: "pi-2", Felt: true, Spoils: true, From: 35e9, To: 35e9},
				Fault{Kind: "disk-rot", Target: "pi-3", Spoils: true, From: 40e9, To: 40e9}, Fault{Kind: "disk-rot", Target: "pi-3", Felt: true, Spoils: true, From: 90e9, To: 90e9})
		}, why, "At 80 s disk-rot of pi-2 had spoilt what is stored 45 s before."},
		{"a clock that was moved stays so", func(r *Result) {
			r.Impact.Stretches = []Stretch{{From: 80e9, To: 84e9, Requests: 9, Harmed: 9}}
			r.Faults = append(r.Faults, Fault{Kind: "disk-rot", Target: "pi-2", Felt: true, Spoils: true, From: 5e9, To: 5e9},
				Fault{Kind: "clock-step", Target: "pi-2", Felt: true, From: 8e9, To: 8e9})
		}, why, "At 80 s clock-step of pi-2 had moved the clock 72 s before."},
		{"a rush, and what was spoilt long before", func(r *Result) {
			r.Impact.Stretches = []Stretch{{From: 80e9, To: 84e9, Requests: 9, Harmed: 9, Rush: 5}}
			r.Faults[0].Spoils = true
		}, why, "At 80 s power-cut of pi-1 had spoilt what is stored 60 s before, and 5 times as many requests came as before."},
		{"what is near comes before what is spoilt", func(r *Result) {
			r.Faults = append(r.Faults, Fault{Kind: "disk-rot", Target: "pi-2", Felt: true, Spoils: true, From: 5e9, To: 5e9})
		}, why, "At 20 s power-cut of pi-1 began (it led group 3)."},
		{"what does no harm comes last", func(r *Result) {
			r.Faults[0].Out = false
			r.Faults = append(r.Faults, Fault{Kind: "disk-evict", Target: "pi-2", Felt: true, Mild: true, From: 20.5e9, To: 20.5e9},
				Fault{Kind: "disk-rot", Target: "pi-3", Felt: true, Spoils: true, From: 20e9, To: 20e9})
		}, why, "At 20 s disk-rot of pi-3 began; power-cut of pi-1 began (it led group 3)."},
		{"what takes nothing out comes second", func(r *Result) {
			r.Faults = append(r.Faults, Fault{Kind: "clock-step", Target: "pi-2", Felt: true, From: 20.5e9, To: 20.5e9})
		}, why, "At 20 s power-cut of pi-1 began (it led group 3); clock-step of pi-2 began."},
		{"a leader was lost", func(r *Result) {
			r.Machines = append(r.Machines, Machine{Name: "pi-2", Leads: []Lead{{Group: 1, Term: 2, From: 1e9, To: 20.2e9}, {Group: 1, Term: 3, From: 22e9, To: 40e9}}})
		}, why, "At 20 s power-cut of pi-1 began (it led group 3); group 1 lost its leader pi-2."},
		{"a process ended then", func(r *Result) { r.Deaths = []Death{{Machine: "pi-2", At: 19e9, AllowedBy: "x"}} }, why,
			"At 20 s power-cut of pi-1 began (it led group 3); the process on pi-2 ended by itself."},
		{"boards suffered", func(r *Result) {
			quiet(r)
			r.Faults = nil
			r.Hardships = Boards{
				{Machine: "pi-1", MilliCelsius: []int64{79_999, 80_000, 81_000}, Events: []BoardEvent{{At: 9e9, Kind: "under-voltage-reset"}, {At: 10e9, Kind: "started"}}},
				{Machine: "pi-2", Events: []BoardEvent{{At: 8e9, Kind: "under-voltage-reset"}, {At: 12e9, Kind: "under-voltage-reset"}, {At: 15e9, Kind: "overheated"}}},
				{Machine: "pi-3", MilliCelsius: []int64{60_000}}}.Hardships()
		}, broke, "Nothing was broken on purpose. pi-1 and pi-2 were reset for want of volts, 3 times in all. " +
			"pi-2 was turned off by heat, 1 time in all. The first time was at 8 s. pi-1 was at 80 °C or more, where the clock is held down, pi-1 for 2 s."},
		{"boards stopped, and no fault stood", func(r *Result) {
			r.Faults, r.Hardships = nil, []Hardship{{Machine: "pi-1", Sags: 1, First: 19e9}}
		}, why, "At 20 s no fault stood that had an effect, and 1 board had stopped by itself; group 3 lost its leader pi-1."},
		{"a rush", func(r *Result) { r.Faults, r.Impact.Stretches[0].Rush = nil, 12 }, why,
			"At 20 s no fault stood that had an effect, and 12 times as many requests came as before; group 3 lost its leader pi-1."},
		{"what did not last", func(r *Result) { quiet(r); broken(r) }, why,
			"The first of what did not last had been acknowledged at 15 s; the first fault after that, 5 s later, was power-cut of pi-1."},
		{"what was wrong", func(r *Result) { quiet(r); stale(r) }, why, "When it was first seen, at 21 s, power-cut of pi-1 (it led group 3) had stood for 1 s."},
		{"wrong before anything broke", func(r *Result) { quiet(r); fails("sessions", &Harm{Clients: 1, Times: 1, First: 12e9, Last: 90e9})(r) }, why,
			"It was first seen at 12 s, before the first fault: none is needed for it."},
		{"a loss, and a process that never came up", func(r *Result) {
			quiet(r)
			fails("lost", &Harm{Clients: 1, Times: 1, First: 80e9, Last: 90e9})(r)
			r.Faults[0].Kind = "disk-rot"
			for t := Seconds(31e9); t < 40e9; t += 1e9 {
				r.Deaths = append(r.Deaths, Death{Machine: "pi-1", At: t, Reason: "exit status 1", AllowedBy: "20.000s +10.000s disk-rot machine=pi-1"})
			}
		}, why, "That the process on pi-1 ended again and again comes from disk-rot of pi-1 from 20 s to 30 s."},
		{"a process that never came up, for a fault of no whole millisecond", func(r *Result) {
			quiet(r)
			r.Faults[0].Kind, r.Faults[0].From = "disk-rot", 20_000_500_000
			for t := Seconds(31e9); t < 40e9; t += 1e9 {
				r.Deaths = append(r.Deaths, Death{Machine: "pi-1", At: t, Reason: "exit status 1", AllowedBy: "20.0005s +9.9995s disk-rot machine=pi-1"})
			}
		}, why, "That the process on pi-1 ended again and again comes from disk-rot of pi-1 from 20 s to 30 s."},
		{"it takes several", func(r *Result) {
			quiet(r)
			r.Minimal = &Minimal{Check: "live", Of: 2, Needed: true, Faults: []string{"a", "b"}}
		}, why, "It takes all its 2 faults: without any one it does not fail so."},
		{"what it takes", func(r *Result) {
			quiet(r)
			r.Minimal = &Minimal{Check: "durable", Of: 9, Needed: true, Faults: []string{"20.000s +10.000s power-cut machine=pi-1 keep=0"}}
		}, why, "Of its 9 faults 1 suffices: power-cut of pi-1 at 20 s."},
		{"it takes nothing", func(r *Result) { quiet(r); r.Minimal = &Minimal{Check: "durable", Of: 9, Needed: true} }, why, "It fails so without any of its 9 faults, too."},
		{"nothing to explain", quiet, why, "There is nothing to explain."},
		{"alone", func(*Result) {}, heal, "Yes: from 24 s on requests went well again, while power-cut of pi-1 still stood until 30 s."},
		{"with the fault's end", func(r *Result) { r.Impact.Stretches[0].To = 33.5e9 }, heal,
			"Yes, once the fault was gone: requests went well again from 33.5 s on, 3.5 s after the end of power-cut of pi-1."},
		{"with the end of one of two faults", func(r *Result) {
			r.Faults = append(r.Faults, Fault{Kind: "hang", Target: "pi-2", On: []string{"pi-2"}, Out: true, Felt: true, From: 10e9, To: 50e9})
			r.Impact.Stretches[0].To = 33.5e9
		}, heal, "Yes, once the fault was gone: requests went well again from 33.5 s on, 3.5 s after the end of power-cut of pi-1."},
		{"alone, although another one ended long before", func(r *Result) {
			r.Faults = append(r.Faults, Fault{Kind: "hang", Target: "pi-2", On: []string{"pi-2"}, Out: true, Felt: true, From: 10e9, To: 90e9})
			r.Impact.Stretches[0].To = 50e9
		}, heal, "Yes: from 50 s on requests went well again, while hang of pi-2 still stood until 90 s."},
		{"long after", func(r *Result) { r.Impact.Stretches[0].To = 75e9 }, heal,
			"Yes, once the fault was gone: requests went well again from 75 s on, 45 s after the end of power-cut of pi-1. That was 15 s after everything was healed."},
		{"never", func(r *Result) { r.Impact.Stretches[0].To = 100e9 }, heal, "No: requests still went wrong when the last were made. That was 40 s after everything was healed."},
		{"hardly anybody asked any more", func(r *Result) { r.Impact.Stretches[0].To, r.Impact.Until, r.Impact.After = 50e9, 90e9, 6 }, heal,
			"No: requests went wrong until 50 s, and then hardly anybody asked any more."},
		{"boards that never came up", func(r *Result) {
			quiet(r)
			r.Hardships = []Hardship{{Machine: "pi-1", Sags: 9, First: 30e9, Last: 98e9}, {Machine: "pi-2", Sags: 9, First: 30e9, Last: 60e9}}
		}, heal, "No: pi-1 still stopped again and again when the run ended. Clients were served all the time since the first fault."},
		{"nobody asked any more", func(r *Result) { r.Impact.Stretches[0].To, r.Impact.Until = 90e9, 90e9 }, heal,
			"No: requests still went wrong when the last were made. That was 30 s after everything was healed."},
		{"what is lost stays lost", func(r *Result) { quiet(r); broken(r) }, heal, "No: what was gone or wrong was so at the end. Clients were served all the time since the first fault."},
		{"wrong answers cease", stale, heal,
			"In part: after 40 s it was not seen any more, but what was done because of it stays. From 24 s on requests went well again, while power-cut of pi-1 still stood until 30 s."},
		{"wrong answers until the end", func(r *Result) { quiet(r); stale(r); r.Checks[0].Harm.Last = 99e9 }, heal, "No: it was seen until the end. Clients were served all the time since the first fault."},
		{"what nobody knows more of", func(r *Result) { quiet(r); fails("agreement", nil)(r) }, heal,
			"No: what agreement found is not undone by waiting. Clients were served all the time since the first fault."},
		{"a service that came back", fails("live", nil), heal, "Yes: from 24 s on requests went well again, while power-cut of pi-1 still stood until 30 s."},
		{"a process that never comes up", func(r *Result) { quiet(r); again(100e9)(r) }, heal,
			"No: the process on pi-2 still ended again and again when the run did. Clients were served all the time since the first fault."},
		{"nothing to heal", quiet, heal, "There was nothing to heal: clients were served all the time since the first fault."},
	} {
		if got := story(c.change).Incident()[c.answer].Text; got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// TestAnAnswerIsASentence whatever the run was: it ends as one does, is not too long for a first screen, and names no fault that nobody felt.
func TestAnAnswerIsASentence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := rapid.Map(rapid.Int64Range(0, 300), func(s int64) Seconds { return Seconds(s) * 1e9 })
		r := &Result{SimulatedSeconds: 300e9, HealedAt: seconds.Draw(t, "healed"), Impact: &Impact{Within: 1e9}}
		for i := range rapid.IntRange(0, 40).Draw(t, "faults") {
			f := Fault{Kind: "felt", Target: "pi-1", Felt: i%3 > 0, Out: i%2 > 0, From: seconds.Draw(t, "from")}
			if f.To = f.From + seconds.Draw(t, "for"); !f.Felt {
				f.Kind = "unfelt"
			}
			r.Faults = append(r.Faults, f)
		}
		from := Seconds(0)
		for range rapid.IntRange(0, 10).Draw(t, "stretches") {
			from += seconds.Draw(t, "gap")/8 + 1e9
			s := Stretch{From: from, To: from + 2e9, Requests: 10, Harmed: rapid.IntRange(1, 10).Draw(t, "harmed")}
			from = s.To
			r.Impact.Stretches = append(r.Impact.Stretches, s)
			r.Impact.Requests, r.Impact.Failed = r.Impact.Requests+s.Requests, r.Impact.Failed+s.Harmed
		}
		if broken := rapid.SampledFrom([]string{"", "durable", "sessions", "live", "agreement", "unheard-of"}).Draw(t, "broken"); broken != "" {
			c := Check{Name: broken, Status: Fail, Detail: "something"}
			if rapid.Bool().Draw(t, "known whom") {
				c.Harm = &Harm{Clients: 1, Times: 1, First: seconds.Draw(t, "first"), Promised: seconds.Draw(t, "promised")}
				c.Harm.Last = c.Harm.First + seconds.Draw(t, "lasted")
			}
			r.Checks = []Check{c}
		}
		for range rapid.IntRange(0, 5).Draw(t, "ends") {
			r.Deaths = append(r.Deaths, Death{Machine: "pi-1", At: seconds.Draw(t, "at"), Reason: "exit status 1", Stack: strings.Repeat("no card ", 90) + "\n", AllowedBy: "x"})
		}
		for _, a := range r.Incident() {
			if !strings.HasSuffix(a.Text, ".") || len(a.Text) > 800 || strings.Contains(a.Text, "unfelt") || strings.Contains(a.Text, "  ") || strings.Contains(a.Text, " -") {
				t.Fatalf("%s %s", a.Question, a.Text)
			}
		}
	})
}

// TestWhatARunDidNotComeToWasNotPlayed: what is due when a run has ended broke nothing.
func TestWhatARunDidNotComeToWasNotPlayed(t *testing.T) {
	faults := []Fault{{Kind: "kill", Class: "process", Target: "pi-1", From: 20e9, To: 21e9}, {Kind: "pause", Class: "process", Target: "pi-2", From: 8e9, To: 9e9, Felt: true}}
	for _, c := range []struct {
		ended         Seconds
		began         time.Duration
		page, summary string
	}{
		{60e9, 8e9, "2 were played, 1 were felt.", "Faults: 2 played, 1 felt; felt/played of each kind"},
		{20e9, 8e9, "1 were played, 1 were felt; the run ended before 1 more was due.", "Faults: 1 played, 1 felt, and the run ended before 1 more was due; felt/played"},
		{3e9, 0, "No fault was played: the run ended at 3 s, before the first.", "Faults: 0 played, 0 felt, and the run ended before 2 more were due\n"},
	} {
		r := &Result{SimulatedSeconds: c.ended, Faults: faults}
		if got := r.Began(); got != c.began {
			t.Errorf("of %s clients began to feel something at %s, want %s", c.ended, got, c.began)
		}
		if page := Page(r, nil, nil); !strings.Contains(page, c.page) || !strings.Contains(page, "All 2 faults") {
			t.Errorf("the page of a run of %s does not say %q", c.ended, c.page)
		}
		if text := Summary(r); !strings.Contains(text, c.summary) {
			t.Errorf("%s\nshould say %q", text, c.summary)
		}
	}
	if n := strings.Count(faultsPlot(&Result{SimulatedSeconds: 20e9, Faults: faults}), "<title>"); n != 1 {
		t.Errorf("%d faults are drawn in the plot of a run that came to one", n)
	}
}

func TestAComparisonShowsDifferencesFirst(t *testing.T) {
	a, b := story(func(*Result) {}), story(func(r *Result) {
		r.Checks = append(r.Checks, Check{Name: "kept", Status: Fail, Detail: "2 are lost"})
		r.Judge()
	})
	parts := Compare(a, b)
	checks := parts[slices.IndexFunc(parts, func(p Part) bool { return p.Title == "Checks" })]
	if want := []Row{{"kept", "", "fail: 2 are lost"}, {"live", "pass: ", "pass: "}}; !slices.Equal(checks.Rows, want) {
		t.Errorf("%q", checks.Rows)
	}
	b.Impact.From, b.Impact.Within = 25e9, 2e9
	parts = Compare(a, b)
	felt := parts[slices.IndexFunc(parts, func(p Part) bool { return p.Title == "What clients felt" })]
	if want := []Row{{"counted from", "20.000s", "25.000s"}, {"late after", "1.000s", "2.000s"}}; !slices.Equal(felt.Rows[:2], want) {
		t.Errorf("%q", felt.Rows)
	}
	for _, p := range Compare(a, a) {
		for i := range p.Rows {
			if p.Rows[i].Differs() {
				t.Errorf("a run differs from itself: %v", p.Rows[i])
			}
		}
	}
}

// TestWhatIsNotModelled is what the design says.
func TestWhatIsNotModelled(t *testing.T) {
	_, rest, _ := strings.Cut(read(t, "../DESIGN.md"), "\n## Not modelled\n")
	part, _, _ := strings.Cut(rest, "\n## ")
	for _, u := range unmodelled {
		if !strings.Contains(part, "- **"+u.topic+"**") {
			t.Errorf("DESIGN.md does not say that %s is not modelled", u.topic)
		}
	}
	if n := strings.Count(part, "- **"); n != len(unmodelled) {
		t.Errorf("DESIGN.md has %d topics, the page %d", n, len(unmodelled))
	}
}
