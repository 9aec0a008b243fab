package shrink

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios"
)

// machines is how many faults the runs here begin with, each at a machine of its own.
const machines = 7

// system is what is played here: it fails when a rule says so. Some seeds never fail, as a bug that hangs on luck.
type system struct {
	needed  []uint   // sets of machines: one whose faults are all there, and long enough, makes it fail
	long    int64    // how long those faults must be, s
	clients int64    // how many clients it takes
	seconds int64    // how long the run must be
	lucky   []uint64 // seeds that pass whatever happens
}

// set returns the machines whose faults are there and last long enough.
func (s *system) set(faults chaos.Schedule) (set uint) {
	for _, f := range faults {
		var n int
		fmt.Sscanf(f.Target.A[0], "pi-%d", &n)
		if f.For >= time.Duration(s.long)*time.Second {
			set |= 1 << n
		}
	}
	return set
}

func (s *system) broken(r Run) string {
	enough := r.Amounts[0].Value >= s.clients && r.Amounts[1].Value >= s.seconds*int64(time.Second)
	if slices.Contains(s.lucky, r.Seed) || !enough {
		return ""
	}
	set := s.set(r.Faults)
	if slices.ContainsFunc(s.needed, func(n uint) bool { return n&set == n }) {
		return "durable"
	}
	if bits.OnesCount(set) == 1 { // another bug, which is another story
		return "live"
	}
	return ""
}

// minimal tells whether a set of machines' faults fails, and no set with one fault less does.
func (s *system) minimal(set uint) bool {
	fails := func(set uint) bool {
		return slices.ContainsFunc(s.needed, func(n uint) bool { return n&set == n })
	}
	if !fails(set) {
		return false
	}
	for n := range machines {
		if set&(1<<n) != 0 && fails(set&^(1<<n)) {
			return false
		}
	}
	return true
}

// fewest returns how many faults the smallest set that fails has: it looks at all 128.
func (s *system) fewest() int {
	fewest := machines
	for set := range uint(1) << machines {
		if s.minimal(set) {
			fewest = min(fewest, bits.OnesCount(set))
		}
	}
	return fewest
}

func (s *system) job(workers, most int) (Job, *atomic.Int64) {
	var faults chaos.Schedule
	for n := range machines {
		f, err := chaos.ParseFault(fmt.Sprintf("%ds +8s pause machine=pi-%d", 10+n, n))
		if err != nil {
			panic(err)
		}
		faults = append(faults, f)
	}
	played := &atomic.Int64{}
	return Job{
		Run: Run{Seed: 3, Cut: scenarios.Cut{Faults: faults, Amounts: []scenarios.Amount{{Path: "clients.count", Value: 12},
			{Path: "duration", Value: int64(60 * time.Second)}}}},
		Seeds: 3, Most: most, Workers: workers,
		Possible: func(r Run) bool { return r.Amounts[0].Value > 0 && r.Amounts[1].Value > int64(r.Faults.End()) },
		Play: func(ctx context.Context, _ int, r Run) (*reports.Result, error) {
			played.Add(1)
			return resultOf(r.Seed, s.broken(r)), ctx.Err()
		},
	}, played
}

func drawSystem(t *rapid.T) *system {
	return &system{
		needed:  rapid.SliceOfN(rapid.UintRange(1, 1<<machines-1), 1, 3).Draw(t, "needed"),
		long:    rapid.Int64Range(0, 8).Draw(t, "long"),
		clients: rapid.Int64Range(0, 12).Draw(t, "clients"),
		seconds: rapid.Int64Range(0, 60).Draw(t, "seconds"),
		lucky:   rapid.SliceOfNDistinct(rapid.Uint64Range(4, 5), 0, 2, rapid.ID).Draw(t, "lucky"),
	}
}

// TestWhatIsFoundFailsAndIsMinimal asks a dumb oracle, which knows the rule and looks at all subsets of the faults. There may be
// smaller ones than what is found, if the bug has more than one way to show.
func TestWhatIsFoundFailsAndIsMinimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSystem(t)
		job, played := s.job(rapid.IntRange(1, 3).Draw(t, "workers"), 10_000)
		job.FaultsOnly = rapid.Bool().Draw(t, "faults only")
		check := s.broken(job.Run)
		found, err := job.Shrink(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if found.Check != check || s.broken(found.Run) != check {
			t.Fatalf("the run fails %q, what is found fails %q", check, s.broken(found.Run))
		}
		set := s.set(found.Run.Faults)
		if !found.Minimal || check == "durable" && (!s.minimal(set) || bits.OnesCount(set) != len(found.Run.Faults)) {
			t.Fatalf("a fault of these can be left out, or is too short to matter (%07b of %07b):\n%s", set, s.needed, found.Run.Faults)
		}
		if n, fewest := len(found.Run.Faults), s.fewest(); n < fewest || len(s.needed) == 1 && n > fewest {
			t.Fatalf("%d faults are left, %d is the fewest with which it fails", n, fewest)
		}
		if int64(found.Played) != played.Load() {
			t.Fatalf("%d runs were played, it says %d", played.Load(), found.Played)
		}
		if job.FaultsOnly {
			for _, f := range found.Run.Faults {
				if f.For != 8*time.Second || found.Run.Amounts[0].Value != 12 {
					t.Fatalf("more was cut than faults and the end of the run: %s", found.Run.Describe())
				}
			}
			return
		}
		for _, f := range found.Run.Faults {
			if f.For > max(time.Duration(s.long)*time.Second, 500*time.Millisecond)+500*time.Millisecond {
				t.Errorf("%s could be shorter: %ds are enough", f, s.long)
			}
		}
		if got, want := found.Run.Amounts[0].Value, max(1, s.clients); got != want {
			t.Errorf("%d clients are left, %d are needed", got, want)
		}
		got, want := found.Run.Amounts[1].Value, max(int64(found.Run.Faults.End())+1, s.seconds*int64(time.Second))
		if got < want || got >= want+int64(time.Second) {
			t.Errorf("a run of %s is left, %s is needed", time.Duration(got), time.Duration(want))
		}
	})
}

// TestOtherSeedsArePlayedBeforeAFailureIsGone: without its other faults the run passes with its own seed, and fails with the next.
func TestOtherSeedsArePlayedBeforeAFailureIsGone(t *testing.T) {
	s := &system{needed: []uint{0b11}}
	job, _ := s.job(1, 1000)
	job.Play = func(_ context.Context, _ int, r Run) (*reports.Result, error) {
		check := s.broken(r)
		if len(r.Faults) < machines && r.Seed == 3 {
			check = ""
		}
		return resultOf(r.Seed, check), nil
	}
	found, err := job.Shrink(context.Background())
	if err != nil || len(found.Run.Faults) != 2 || found.Run.Seed != 4 {
		t.Errorf("%v, found %+v", err, found)
	}
	job.Seeds = 1
	found, err = job.Shrink(context.Background())
	if err != nil || len(found.Run.Faults) != machines || found.Run.Seed != 3 {
		t.Errorf("with its own seed alone: %v, found %+v", err, found)
	}
}

func TestAsManySeedsArePlayedAsAreAskedFor(t *testing.T) {
	const last = uint64(math.MaxUint64)
	for _, c := range []struct {
		own, first uint64
		n          int
		want       []uint64
	}{
		{7, 7, 3, []uint64{7, 8, 9}},
		{8, 7, 3, []uint64{8, 7, 9}},
		{last - 1, last - 1, 3, []uint64{last - 1, last, 0}}, // 0 follows the largest
	} {
		if got := Seeds(c.own, c.first, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%d seeds from %d on: %v, want %v", c.n, c.first, got, c.want)
		}
	}
}

func TestTheEndBeforeTheEnd(t *testing.T) {
	s := &system{needed: []uint{0b11}}
	t.Run("runs are spent", func(t *testing.T) {
		job, played := s.job(2, 9)
		found, err := job.Shrink(context.Background())
		if err != nil || found.Minimal || played.Load() > 9 || s.broken(found.Run) != "durable" {
			t.Errorf("%v, after %d runs found %+v", err, played.Load(), found)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		job, played := s.job(1, 1000)
		ctx, stop := context.WithCancel(context.Background())
		var last Run
		job.Smaller = func(r Run, _ string, _ int) error {
			if last = r; len(r.Faults) < machines {
				stop()
			}
			return nil
		}
		found, err := job.Shrink(ctx)
		if !errors.Is(err, context.Canceled) || found == nil || found.Minimal || found.Run.key() != last.key() || len(last.Faults) == machines {
			t.Errorf("%v, after %d runs found %+v", err, played.Load(), found)
		}
	})
	t.Run("it passes", func(t *testing.T) {
		job, played := (&system{}).job(1, 1000)
		if found, err := job.Shrink(context.Background()); !errors.Is(err, ErrPasses) || found != nil || played.Load() != 1 {
			t.Errorf("%v, after %d runs found %+v", err, played.Load(), found)
		}
	})
	t.Run("a run cannot be made", func(t *testing.T) {
		job, _ := s.job(1, 1000)
		broken := errors.New("broken")
		play := job.Play
		job.Play = func(ctx context.Context, core int, r Run) (*reports.Result, error) {
			if len(r.Faults) == 3 {
				return nil, broken
			}
			return play(ctx, core, r)
		}
		if found, err := job.Shrink(context.Background()); !errors.Is(err, broken) || found == nil {
			t.Errorf("%v, found %+v", err, found)
		}
	})
}
