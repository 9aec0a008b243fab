package shelf_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"picloud/node/host/orders"
	"picloud/scenarios/shelf"
)

// kept is a process that a keeper keeps, life after life.
type kept struct {
	keeper shelf.Keeper

	mu    sync.Mutex
	pids  []int // of all lives
	ended []shelf.Life
}

// keep keeps a process of pi-1 until the test ends, and returns when it runs.
func keep(t *testing.T) *kept {
	t.Helper()
	k := &kept{}
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for ctx.Err() == nil {
			cmd := exec.CommandContext(ctx, os.Args[0], "node")
			life := k.keeper.Once(ctx, "pi-1", func(started func(*os.Process)) error {
				return shelf.Run(cmd, func(p *os.Process) error {
					k.mu.Lock()
					defer k.mu.Unlock()
					k.pids = append(k.pids, p.Pid)
					started(p)
					return nil
				})
			})
			k.mu.Lock()
			k.ended = append(k.ended, life)
			k.mu.Unlock()
		}
	})
	t.Cleanup(func() { stop(); all.Wait() })
	k.life(1)
	return k
}

// lives returns how many lives have begun.
func (k *kept) lives() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.pids)
}

// life waits until a life has begun, and returns the process's number.
func (k *kept) life(n int) int {
	for k.lives() < n {
		time.Sleep(time.Millisecond)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.pids[n-1]
}

// end waits until a life has ended, and says how.
func (k *kept) end(n int) shelf.Life {
	for {
		k.mu.Lock()
		if len(k.ended) >= n {
			defer k.mu.Unlock()
			return k.ended[n-1]
		}
		k.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
}

func (k *kept) begin(t *testing.T, kind string, params map[string]int64) orders.Effect {
	t.Helper()
	e, err := k.keeper.Apply(orders.Order{Name: kind, Kind: kind, From: "pi-1", Params: params})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// becomes waits until a process stands still, or does not.
func becomes(t *testing.T, pid int, stopped bool) {
	t.Helper()
	for {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if strings.HasPrefix(rest, "T") == stopped {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestAKilledProcessIsHeldDown(t *testing.T) {
	k := keep(t)
	e := k.begin(t, "kill", nil)
	if life := k.end(1); !life.Killed || !shelf.DiedOfKill(life.Err) {
		t.Errorf("it ended so: %+v", life)
	}
	two := k.begin(t, "kill", nil) // while none runs, and one is to be started
	e.Heal()
	time.Sleep(20 * time.Millisecond) // longer finds no more: nothing starts it
	if k.lives() > 1 {
		t.Error("it was started though one fault stands")
	}
	two.Heal()
	k.life(2)
	if e.Felt() != 1 || two.Felt() != 1 {
		t.Errorf("felt %d and %d times", e.Felt(), two.Felt())
	}
}

func TestAPausedProcessGoesOn(t *testing.T) {
	k := keep(t)
	e, two := k.begin(t, "pause", nil), k.begin(t, "pause", nil)
	becomes(t, k.life(1), true)
	e.Heal()
	becomes(t, k.life(1), true)
	two.Heal()
	becomes(t, k.life(1), false)
	if e.Felt() != 1 {
		t.Errorf("felt %d times", e.Felt())
	}
}

// TestAPauseIsFeltByAProcessThatStartsUnderIt: none runs when it begins.
func TestAPauseIsFeltByAProcessThatStartsUnderIt(t *testing.T) {
	k := keep(t)
	kill := k.begin(t, "kill", nil)
	k.end(1)
	pause := k.begin(t, "pause", nil)
	if pause.Felt() > 0 {
		t.Error("it was felt, and nothing runs")
	}
	kill.Heal()
	becomes(t, k.life(2), true)
	pause.Heal()
	becomes(t, k.life(2), false)
	if pause.Felt() != 1 || kill.Felt() != 1 {
		t.Errorf("the pause was felt %d times, the kill %d times", pause.Felt(), kill.Felt())
	}
}

// TestAPausedProcessGoesOnWhenNobodyOrdersIt: when the lease runs out, and when nothing is ordered any more.
func TestAPausedProcessGoesOnWhenNobodyOrdersIt(t *testing.T) {
	k := keep(t)
	standing := orders.New(k.keeper.Apply, 20*time.Millisecond)
	standing.Set([]orders.Order{{Name: "one", Kind: "pause", From: "pi-1", Left: time.Hour}})
	becomes(t, k.life(1), false)
	standing.Set([]orders.Order{{Name: "two", Kind: "pause", From: "pi-1", Left: time.Hour}})
	standing.Close()
	becomes(t, k.life(1), false)
}

func TestASlowProcessStandsStillAgainAndAgain(t *testing.T) {
	k := keep(t)
	e := k.begin(t, "cpu-slow", map[string]int64{"factor": 4})
	for e.Felt() < 3 {
		time.Sleep(time.Millisecond)
	}
	e.Heal()
	becomes(t, k.life(1), false)
	if k.lives() > 1 {
		t.Error("it has ended")
	}
}

func TestAProcessThatHoldsTooMuchIsKilled(t *testing.T) {
	k := keep(t)
	e := k.begin(t, "memory-limit", map[string]int64{"limit": 64 << 30})
	little := k.begin(t, "memory-limit", map[string]int64{"limit": 4096})
	if life := k.end(1); !life.Killed {
		t.Errorf("it ended so: %+v", life)
	}
	little.Heal()
	k.life(2) // it was not held down
	e.Heal()
	if little.Felt() == 0 || e.Felt() > 0 {
		t.Errorf("felt %d and %d times", little.Felt(), e.Felt())
	}
}

func TestAKeeperRefusesWhatItDoesNotKnow(t *testing.T) {
	k := keep(t)
	for _, o := range []orders.Order{{Kind: "kill", From: "pi-2"}, {Kind: "power-cut", From: "pi-1"}} {
		if _, err := k.keeper.Apply(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}
