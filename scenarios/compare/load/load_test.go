package load

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// kept is a store in memory.
type kept struct {
	mu     sync.Mutex
	values map[string]string
	spoil  func(key, value string) (string, error) // what a read gives, if it is not nil
}

func (k *kept) Put(_ context.Context, key string, value []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.values == nil {
		k.values = map[string]string{}
	}
	if _, is := k.values[key]; is && key != "ready/now" {
		return ErrWrong // a key is put once
	}
	k.values[key] = string(value)
	time.Sleep(time.Microsecond) // so that a run does not fill the memory
	return nil
}

func (k *kept) Get(_ context.Context, key string) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	value := k.values[key]
	if k.spoil == nil {
		return []byte(value), nil
	}
	value, err := k.spoil(key, value)
	return []byte(value), err
}

func (k *kept) Close() error { return nil }

func config() Config {
	return Config{Span: Span{Processes: []int{os.Getpid()}, Measure: 100 * time.Millisecond}, Loops: 4, ValueBytes: 100, ReadPercent: 50}
}

func TestBothKindsAreCounted(t *testing.T) {
	c := config()
	r, err := Run(t.Context(), c, []Store{&kept{}, &kept{}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Reads.Count == 0 || r.Writes.Count == 0 || r.All.Count != r.Reads.Count+r.Writes.Count || r.Failed > 0 {
		t.Errorf("%+v", r)
	}
	if want := int64(r.Writes.Count * (100 + len("loop-0000-00000000/value"))); r.Acked != want {
		t.Errorf("%d bytes were acknowledged, not %d", r.Acked, want)
	}
	if r.Writes.MedianMS <= 0 || r.Writes.P99MS < r.Writes.MedianMS || r.Seconds < c.Measure.Seconds() {
		t.Errorf("%+v", r)
	}
}

func TestWhatWasNotPutEndsTheRun(t *testing.T) {
	s := &kept{spoil: func(_, value string) (string, error) { return value[1:] + "x", nil }}
	c := config()
	c.Measure = time.Hour
	if _, err := Run(t.Context(), c, []Store{s}); !errors.Is(err, ErrWrong) {
		t.Errorf("the error is %v", err)
	}
}

func TestWhatFailsIsCountedApart(t *testing.T) {
	s := &kept{spoil: func(string, string) (string, error) { return "", errors.New("not today") }}
	r, err := Run(t.Context(), config(), []Store{s})
	if err != nil {
		t.Fatal(err)
	}
	if r.Failed == 0 || r.Reads.Count > 0 || r.Writes.Count == 0 || r.Why != "not today" {
		t.Errorf("%+v", r)
	}
}

func TestOnlyTheWindowCounts(t *testing.T) {
	w := window{from: 10, to: 20}
	loops := []loop{
		{done: []request{{false, 7, 9, 1}, {false, 8, 10, 2}, {true, 0, 19, 3}, {true, 0, 20, 4}}},
		{failed: []time.Duration{5, 15, 25}, why: errors.New("so")},
	}
	if r := w.result(loops); r.Writes.Count != 1 || r.Reads.Count != 1 || r.Failed != 1 || r.Reads.MedianMS != 3e-6 || r.Acked != 8 {
		t.Errorf("%+v", r)
	}
}

func TestPercentiles(t *testing.T) {
	var took []time.Duration
	for i := range 1000 {
		took = append(took, time.Duration(1000-i)*time.Millisecond)
	}
	if l := latency(took); l.Count != 1000 || l.MedianMS != 501 || l.P99MS != 991 {
		t.Errorf("%+v", l)
	}
}

func TestAServerIsMeasuredWithWhatItHasStarted(t *testing.T) {
	cmd := exec.Command("sleep", "100")
	if err := cmd.Start(); err != nil {
		t.Skip("there is no program sleep")
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if all := family(os.Getpid()); !slices.Contains(all, cmd.Process.Pid) || all[0] != os.Getpid() {
		t.Errorf("%v has no %d", all, cmd.Process.Pid)
	}
}

func TestAProcessThatIsNotThereCannotBeMeasured(t *testing.T) {
	c := config()
	if _, err := c.used(); err != nil {
		t.Error(err)
	}
	c.Processes = []int{1 << 30}
	if _, err := Run(t.Context(), c, []Store{&kept{}}); err == nil || !strings.Contains(err.Error(), "measure a server") {
		t.Errorf("the error is %v", err)
	}
}
