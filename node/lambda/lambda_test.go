package lambda

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"picloud/node/api"
	"picloud/node/wait"
)

// wrote is an effect of some operations.
func wrote(n int) *Effect {
	e := &Effect{}
	for i := range n {
		e.Then = append(e.Then, api.Op{Kind: api.Put, Key: fmt.Sprintf("home:00/%d", i)})
	}
	return e
}

func TestHowRunsEnd(t *testing.T) {
	for _, c := range []struct {
		name    string
		do      do
		want    string
		outcome string
	}{
		{"without an effect", after(0), "done, wrote 0", done},
		{"with one", func(_ context.Context, r *Run) (*Effect, error) {
			if r.ID != "a-1" || r.Attempt != 1 || r.Partition != "home:00" || r.Job.Kind != "a" {
				return nil, fmt.Errorf("the run is %+v", r)
			}
			return wrote(2), nil
		}, "done, wrote 2", done},
		{"with an error", func(context.Context, *Run) (*Effect, error) { return wrote(1), errors.New("no paper") }, "failed: no paper", failed},
		{"with a panic", func(context.Context, *Run) (*Effect, error) { panic("no ink") }, "failed: panic: no ink", panicked},
		{"with its goroutine", func(context.Context, *Run) (*Effect, error) { runtime.Goexit(); return nil, nil }, "failed: it has ended its goroutine", failed},
		{"with an effect that is none", func(context.Context, *Run) (*Effect, error) {
			return &Effect{Then: []api.Op{{Kind: "nonsense", Key: "home:00"}}}, nil
		}, "failed: its effect cannot be written: write an effect home:00: there is no operation of this kind (bad-request)", failed},
		{"at its deadline", after(time.Hour), "failed: it had not returned by its deadline, after 30s", late},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, func(t *testing.T) {
				l := newLab(t, Config{Functions: []Function{of("a", c.do)}}, job("a")).begin()
				pass(time.Minute)
				l.expect("a-1 1: " + c.want)
				l.expectMetric(1, "runs_total", "work", "a", c.outcome)
				l.expectMetric(1, "runs_total")
				l.expectMetric(1, "run_seconds", "work", "a")
				l.expectMetric(0, "in_flight")
				if c.outcome == panicked {
					l.expectLog("no ink", "lambda_test.go", "job=a-1")
				}
			})
		})
	}
}

func TestAJobThatNobodyDoes(t *testing.T) {
	story(t, func(t *testing.T) {
		l := newLab(t, Config{Functions: []Function{of("a", after(0))}}, job("b"), job("c")).begin()
		pass(time.Second)
		l.expect("b-1 1: failed: no function of this node does jobs of its kind", "c-2 1: failed: no function of this node does jobs of its kind")
		l.expectMetric(2, "runs_total", "work", "?", noFunction)
		l.expectLog("kind=b", "kind=c")
	})
}

// TestAFunctionThatIgnoresItsDeadline writes nothing, keeps its room, and is spoken of until it returns.
func TestAFunctionThatIgnoresItsDeadline(t *testing.T) {
	story(t, func(t *testing.T) {
		f := of("a", deaf(2*time.Minute))
		f.AtOnce = 1
		l := newLab(t, Config{Functions: []Function{f}}, job("a"), job("a")).begin()
		pass(31 * time.Second)
		l.expect("a-1 1: failed: it had not returned by its deadline, after 30s")
		l.expectMetric(1, "stuck", "work", "a")
		l.expectMetric(1, "in_flight", "work", "a")
		l.expectMetric(1, "deadline_exceeded_total", "work", "a")
		pass(88 * time.Second)
		if n := len(l.desk.asks()); n != 1 {
			t.Errorf("a node without room asks for jobs: %q", l.desk.asks())
		}
		pass(2 * time.Second)
		l.expectMetric(0, "stuck", "work", "a")
		l.expectLog("a function has returned at last")
		pass(30 * time.Second) // the second job, which is as bad
		l.expect("a-1 1: failed: it had not returned by its deadline, after 30s", "a-2 1: failed: it had not returned by its deadline, after 30s")
		pass(2 * time.Minute)
	})
}

// pastDeadline is a context whose time is over, and whose timer has not run yet, as after a pause of the process.
type pastDeadline struct{ context.Context }

func (pastDeadline) Deadline() (time.Time, bool) { return time.Now().Add(-time.Millisecond), true }

func TestADeadlineCountsBeforeItsTimerRuns(t *testing.T) {
	if err := over(pastDeadline{t.Context()}); !errors.Is(err, errLate) {
		t.Error(err)
	}
	if err := over(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestALongRunKeepsItsJob, however slowly the store extends the reservation.
func TestALongRunKeepsItsJob(t *testing.T) {
	for _, takes := range []time.Duration{0, time.Second, 3700 * time.Millisecond} {
		t.Run(takes.String(), func(t *testing.T) {
			story(t, func(t *testing.T) {
				f := of("a", after(5*time.Minute))
				f.Deadline = 10 * time.Minute
				l := newLab(t, Config{Functions: []Function{f}}, job("a"))
				l.desk.trouble = slow(map[string]time.Duration{"heartbeat": takes})
				l.begin()
				pass(6 * time.Minute)
				l.expect("a-1 1: done, wrote 0")
				l.expectMetric(0, "failed_heartbeats_total")
			})
		})
	}
}

// TestHeartbeatsGoOnAfterFailures: two of three fail, of four in the time of a reservation, at once or after as long as they have.
func TestHeartbeatsGoOnAfterFailures(t *testing.T) {
	for _, takes := range []time.Duration{0, time.Hour} {
		story(t, func(t *testing.T) {
			f := of("a", after(5*time.Minute))
			f.Deadline = 10 * time.Minute
			l := newLab(t, Config{Functions: []Function{f}}, job("a"))
			n := 0
			l.desk.trouble = func(ctx context.Context, call string) *fault {
				if call == "heartbeat" {
					if n++; n%3 > 0 {
						wait.For(ctx, takes)
						return &fault{err: api.Errorf(api.Unknown, "extend", "", "")}
					}
				}
				return nil
			}
			l.begin()
			pass(6 * time.Minute)
			l.expect("a-1 1: done, wrote 0")
			if l.metric("failed_heartbeats_total") < 40 || !strings.Contains(l.log.text(), "not extended") {
				t.Error("nobody hears of it")
			}
		})
	}
}

// TestALostJob: its function is told, and nothing of it is written. Another run does it.
func TestALostJob(t *testing.T) {
	story(t, func(t *testing.T) {
		var told time.Duration
		f := of("a", func(ctx context.Context, r *Run) (*Effect, error) {
			began := time.Now()
			if r.Attempt == 1 {
				<-ctx.Done()
				told = time.Since(began)
			}
			return wrote(r.Attempt), nil
		})
		f.Deadline = 10 * time.Minute
		l := newLab(t, Config{Functions: []Function{f}}, job("a"))
		var mended atomic.Bool
		l.desk.trouble = func(ctx context.Context, call string) *fault {
			if call == "heartbeat" && !mended.Load() {
				return &fault{err: api.Errorf(api.Unavailable, "extend", "", "")}
			}
			return nil
		}
		l.begin()
		pass(16 * time.Second) // its reservation is over, and it was given out again
		mended.Store(true)
		pass(10 * time.Second)
		l.expect("a-1 2: done, wrote 2")
		l.expectMetric(1, "runs_total", lost)
		if told < 15*time.Second || told > 20*time.Second {
			t.Errorf("it was told after %s", told)
		}
	})
}

// TestAnEffectIsWrittenOnce although nobody knows of some calls what came of them.
func TestAnEffectIsWrittenOnce(t *testing.T) {
	for _, c := range []struct {
		kind    api.Kind
		times   int64
		after   bool
		outcome string
		ends    string
	}{
		{api.Unknown, 3, false, done, "a-1 1: done, wrote 1"},
		{api.Unavailable, 3, false, done, "a-1 1: done, wrote 1"},
		{api.Unknown, 1, true, unknown, "a-1 1: done, wrote 1"}, // the second call finds no reservation
		{api.Unknown, 1000, false, unknown, ""},
		{api.NotFound, 1, false, lost, ""},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			story(t, func(t *testing.T) {
				l := newLab(t, Config{Functions: []Function{of("a", func(context.Context, *Run) (*Effect, error) { return wrote(1), nil })}}, job("a"))
				var n, times atomic.Int64
				times.Store(c.times)
				l.desk.trouble = func(_ context.Context, call string) *fault {
					if call == "done" {
						if n.Add(1) <= times.Load() {
							return &fault{err: api.Errorf(c.kind, "end", "", ""), after: c.after}
						}
					}
					return nil
				}
				l.begin()
				pass(15*time.Second + 100*time.Millisecond)
				l.expectMetric(1, "runs_total", c.outcome)
				if c.ends != "" {
					l.expect(c.ends)
				}
				times.Store(0)
				pass(time.Minute)
				if got := l.desk.ends(); len(got) != 1 || !strings.HasSuffix(got[0], "done, wrote 1") {
					t.Errorf("in the end: %q", got)
				}
			})
		})
	}
}

// TestAnEffectWhoseConditionFails: the function is run again at once, and after some times that is a failure.
func TestAnEffectWhoseConditionFails(t *testing.T) {
	for times, want := range map[int]string{
		2:    "a-1 1: done, wrote 3",
		1000: "a-1 1: failed: a condition of its effect does not hold: end: condition-failed",
	} {
		story(t, func(t *testing.T) {
			runs := 0
			l := newLab(t, Config{Functions: []Function{of("a", func(context.Context, *Run) (*Effect, error) { runs++; return wrote(runs), nil })}}, job("a"))
			n := 0
			l.desk.trouble = func(_ context.Context, call string) *fault {
				if call == "done" {
					if n++; n <= times {
						return &fault{err: api.Errorf(api.ConditionFailed, "end", "", "")}
					}
				}
				return nil
			}
			l.begin()
			pass(10 * time.Second)
			l.expect(want)
			l.expectMetric(float64(min(times, mostConflicts)), "effect_conflicts_total", "work", "a")
		})
	}
}

// TestANodeThatStops lets runs end for some time, and gives back the rest at once.
func TestANodeThatStops(t *testing.T) {
	story(t, func(t *testing.T) {
		l := newLab(t, Config{Functions: []Function{of("short", after(7*time.Second)), of("long", after(20*time.Second)), of("deaf", deaf(20*time.Second))}},
			job("short"), job("long"), job("deaf")).begin()
		pass(3 * time.Second)
		l.stopsIn(5 * time.Second)
		l.expect("short-1 1: done, wrote 0", "long-2 1: released", "deaf-3 1: released")
		l.expectMetric(2, "runs_total", stopped)
		l.desk.put(job("short"))
		pass(time.Minute)
		if n := len(l.desk.ends()); n != 3 {
			t.Errorf("a node that has stopped runs %q", l.desk.ends())
		}
	})
}

// TestANodeStopsWithoutItsStore, although it cannot give back what it has.
func TestANodeStopsWithoutItsStore(t *testing.T) {
	story(t, func(t *testing.T) {
		l := newLab(t, Config{Functions: []Function{of("a", after(20*time.Second))}}, job("a"))
		l.desk.trouble = slow(map[string]time.Duration{"release": time.Hour, "heartbeat": time.Hour})
		l.begin()
		pass(3 * time.Second)
		l.stopsIn(7 * time.Second)
		l.expect()
		l.expectLog("not given back")
	})
}

// TestTheGraceBeginsWhenTheNodeStops, and not when its last question for jobs has ended.
func TestTheGraceBeginsWhenTheNodeStops(t *testing.T) {
	story(t, func(t *testing.T) {
		l := newLab(t, Config{Functions: []Function{of("a", after(20*time.Second))}}, job("a"))
		asks := 0
		l.desk.trouble = func(ctx context.Context, call string) *fault {
			if call == "reserve" {
				if asks++; asks > 1 {
					<-ctx.Done()
					time.Sleep(3 * time.Second)
				}
			}
			return nil
		}
		l.begin()
		pass(3 * time.Second)
		l.stopsIn(5 * time.Second)
		l.expect("a-1 1: released")
	})
}

// TestQueuesThatDoNotAnswer are asked again, about once a second.
func TestQueuesThatDoNotAnswer(t *testing.T) {
	story(t, func(t *testing.T) {
		l := newLab(t, Config{Functions: []Function{of("a", after(0))}}, job("a"))
		l.desk.trouble = func(_ context.Context, call string) *fault {
			if time.Now().Second() < 30 {
				return &fault{err: api.Errorf(api.Unavailable, call, "", "")}
			}
			return nil
		}
		l.begin()
		pass(29 * time.Second)
		if n := l.metric("asked_in_vain_seconds_total"); n < 26 || n > 29 {
			t.Errorf("asked for %v s in vain", n)
		}
		pass(3 * time.Second)
		l.expect("a-1 1: done, wrote 0")
	})
}

func TestBadConfigurations(t *testing.T) {
	good := func() Config {
		return Config{Functions: []Function{of("a", after(0))}, Push: []Push{{Queue: "work", Kind: "b", Service: "printer", Path: "/jobs"}}}
	}
	for want, bend := range map[string]func(*Config){
		"":                                  func(*Config) {},
		"two functions for the kind a":      func(c *Config) { c.Functions = append(c.Functions, c.Functions[0]) },
		"two functions for the kind b":      func(c *Config) { c.Functions[0].Kind = "b" },
		"it does nothing":                   func(c *Config) { c.Functions[0].Do = nil },
		"a deadline is up to 1h0m0s":        func(c *Config) { c.Functions[0].Deadline = 2 * time.Hour },
		"a kind is 1 to":                    func(c *Config) { c.Functions[0].Kind = "A" },
		"a queue is 1 to":                   func(c *Config) { c.Push[0].Queue = "" },
		"there are 1 to 1024 runs at once":  func(c *Config) { c.Push[0].AtOnce = -1 },
		`push[0]: "" is not a service`:      func(c *Config) { c.Push[0].Service = "" },
		`push[0]: "jobs" is not a path`:     func(c *Config) { c.Push[0].Path = "jobs" },
		"a node has 1 to 1024 runs at once": func(c *Config) { c.AtOnce = 2000 },
		"reserved for 1 s to 1 h, not 1ms":  func(c *Config) { c.Hold = time.Millisecond },
		"the grace is negative":             func(c *Config) { c.Grace = -1 },
	} {
		c := good()
		bend(&c)
		if err := c.Validate(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, where %q is expected", err, want)
		}
	}
}
