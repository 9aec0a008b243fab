package orders_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"picloud/node/host/orders"
)

// broken is what a test's process has broken, with how often each began.
type broken struct {
	mu     sync.Mutex
	stands map[string]bool
	began  map[string]int
}

func (b *broken) apply(o orders.Order) (orders.Effect, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o.Kind == "unknown" {
		return orders.Effect{}, orders.Unknown(o.Kind)
	}
	b.began[o.Name]++
	e := orders.Effect{Felt: func() int64 { return 1 }}
	if o.Kind == "instant" {
		return e, nil
	}
	b.stands[o.Name] = true
	e.Heal = func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.stands, o.Name)
	}
	return e, nil
}

func (b *broken) is(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stands[name]
}

func (b *broken) times(name string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.began[name]
}

// healed waits until a fault has ended.
func (b *broken) healed(name string) {
	for b.is(name) {
		time.Sleep(time.Millisecond)
	}
}

// process is a process of a test that takes orders.
func process(t *testing.T, lease time.Duration) (*broken, *orders.Client) {
	t.Helper()
	b := &broken{stands: map[string]bool{}, began: map[string]int{}}
	socket := filepath.Join(t.TempDir(), "p.chaos")
	v, err := orders.Serve(socket, orders.New(b.apply, lease))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
		if len(b.stands) > 0 {
			t.Errorf("these stand after it was closed: %v", b.stands)
		}
	})
	return b, orders.To(socket)
}

func set(t *testing.T, c *orders.Client, all ...orders.Order) orders.Reply {
	t.Helper()
	r, err := c.Set(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAFaultStandsForAsLongAsItIsOrdered(t *testing.T) {
	b, c := process(t, time.Hour)
	one, two := orders.Order{Name: "one", Left: time.Hour}, orders.Order{Name: "two", Left: time.Hour}
	set(t, c, one)
	set(t, c, one, two)
	if !b.is("one") || !b.is("two") || b.times("one") != 1 {
		t.Errorf("%v stand, begun %v", b.stands, b.began)
	}
	r := set(t, c, two)
	if b.is("one") || !b.is("two") || r.Felt["one"] != 1 || r.Felt["two"] != 1 {
		t.Errorf("%v stand; %+v", b.stands, r)
	}
	set(t, c)
	if b.is("two") {
		t.Error("two stands")
	}
	if r := set(t, c, one); r.Felt["one"] != 2 || b.times("one") != 2 {
		t.Errorf("one began again, and felt is %+v", r)
	}
}

func TestAFaultComesToItsOwnEndAndDoesNotBeginAgain(t *testing.T) {
	b, c := process(t, time.Hour)
	o := orders.Order{Name: "one", Left: time.Millisecond}
	set(t, c, o)
	b.healed("one")
	if set(t, c, o); b.is("one") || b.times("one") != 1 {
		t.Errorf("it began %d times", b.times("one"))
	}
}

func TestWhatHappensAtAnInstantHappensOnce(t *testing.T) {
	b, c := process(t, time.Hour)
	o := orders.Order{Name: "one", Kind: "instant"}
	set(t, c, o)
	set(t, c)
	if r := set(t, c, o); b.times("one") != 1 || r.Felt["one"] != 1 {
		t.Errorf("%+v, begun %v", r, b.began)
	}
}

func TestAllIsHealedWhenNothingIsHeard(t *testing.T) {
	b, c := process(t, 20*time.Millisecond)
	one, two := orders.Order{Name: "one", Left: time.Hour}, orders.Order{Name: "two", Left: time.Hour}
	set(t, c, one, two)
	b.healed("one")
	b.healed("two")
	if set(t, c, one); b.times("one") != 2 {
		t.Errorf("it began %d times, though its controller came back", b.times("one"))
	}
}

func TestWhatIsNotKnownIsRefused(t *testing.T) {
	b, c := process(t, time.Hour)
	r := set(t, c, orders.Order{Name: "one", Kind: "unknown", Left: time.Hour}, orders.Order{Name: "two", Left: time.Hour})
	if r.Refused["one"] == "" || len(r.Refused) != 1 || !b.is("two") {
		t.Errorf("%+v", r)
	}
}

func TestNobodyIsThere(t *testing.T) {
	if _, err := orders.To(filepath.Join(t.TempDir(), "none")).Set(t.Context(), nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, c := process(t, time.Hour)
	if _, err := c.Set(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAProcessThatWasStartedAgainHasAnotherLife(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "p.chaos")
	lives := map[string]bool{}
	for range 2 {
		b := &broken{stands: map[string]bool{}, began: map[string]int{}}
		if _, err := orders.Serve(socket, orders.New(b.apply, time.Hour)); err != nil { // the first one is killed, as it were
			t.Fatal(err)
		}
		lives[set(t, orders.To(socket)).Life] = true
	}
	if len(lives) != 2 {
		t.Errorf("%v", lives)
	}
}

func TestWhatIsNoSocketIsNotRemoved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(file, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	b := &broken{stands: map[string]bool{}, began: map[string]int{}}
	if v, err := orders.Serve(file, orders.New(b.apply, time.Hour)); err == nil || !strings.Contains(err.Error(), file+" is no socket") {
		t.Error(v, err)
	}
	if text, err := os.ReadFile(file); string(text) != "mine" {
		t.Errorf("%q is left of the file, %v", text, err)
	}
}

// TestOldOrdersAreRefused: those that lay before a process that stood still, and whose giver has given up.
func TestOldOrdersAreRefused(t *testing.T) {
	b := &broken{stands: map[string]bool{}, began: map[string]int{}}
	socket := filepath.Join(t.TempDir(), "p.chaos")
	v, err := orders.Serve(socket, orders.New(b.apply, time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", socket) }}}
	for _, c := range []struct {
		name   string
		left   time.Duration
		stands bool
	}{{"old", -time.Second, false}, {"new", time.Hour, true}} {
		r, err := http.NewRequest(http.MethodPut, "http://orders/orders", strings.NewReader(fmt.Sprintf(`[{"name": %q, "kind": "", "left_ns": %d}]`, c.name, time.Hour)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Orders-Until", fmt.Sprint(time.Now().Add(c.left).UnixNano()))
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if (answer.StatusCode == http.StatusOK) != c.stands || b.is(c.name) != c.stands {
			t.Errorf("%s orders: status %d, and it stands: %v", c.name, answer.StatusCode, b.is(c.name))
		}
	}
}
