package proof

import (
	"context"
	"encoding/hex"
	"testing"
	"time"

	"picloud/node/api"
)

func derivation() (*Derivation, []byte) {
	d := &Derivation{Password: "correct horse", Salt: []byte("0123456789abcdef"), Rounds: 600_000}
	right, err := d.by(New2, 2)
	if err != nil {
		panic(err)
	}
	return d, right
}

// TestWhatLastsIsConfirmedBeforeItIsKept: the node has derived a key, and others of its batch and of another are there, or not.
func TestWhatLastsIsConfirmedBeforeItIsKept(t *testing.T) {
	d, right := derivation()
	wrong := append([]byte{right[0] ^ 1}, right[1:]...)
	for _, story := range []struct {
		name   string
		others map[string]string // batches of the others, by their names
		lying  map[string]bool   // of the others, those that derive wrongly
		key    []byte
		by     string // who confirms it
		second bool
		kind   api.Kind
	}{
		{"a node of another batch agrees", map[string]string{"pi-2": "b"}, nil, right, "pi-2", false, ""},
		{"a node of another batch knows better", map[string]string{"pi-2": "b"}, nil, wrong, "pi-2", false, ""},
		{"there is none of another batch", map[string]string{"pi-2": "a"}, nil, right, "pi-1", true, ""},
		{"nobody is there", nil, nil, right, "pi-1", true, ""},
		{"nobody is there, and it is wrong", nil, nil, wrong, "", false, api.Condemned},
		{"the other one lies", map[string]string{"pi-2": "b"}, map[string]bool{"pi-2": true}, right, "pi-1", true, ""},
		{"both lie, differently", map[string]string{"pi-2": "b"}, map[string]bool{"pi-2": true}, wrong, "", false, api.Condemned},
	} {
		t.Run(story.name, func(t *testing.T) {
			inLab(t, func(t *testing.T, l *lab) {
				n := l.start("pi-1", "a", &cpu{})
				for name, batch := range story.others {
					o := l.start(name, batch, &cpu{})
					if story.lying[name] {
						o.derive = func(*Derivation) ([]byte, error) { return append([]byte{right[0] ^ 2}, right[1:]...), nil }
					}
				}
				time.Sleep(10 * time.Second)
				got, by, err := n.Prove(context.Background(), d, story.key)
				if kind := api.KindOf(err); kind != story.kind || by.Node != story.by || by.Second != story.second {
					t.Fatalf("confirmed by %+v: %v", by, err)
				}
				if err == nil && !same(got, right) {
					t.Errorf("%s is kept, not %s", hex.EncodeToString(got), hex.EncodeToString(right))
				}
				time.Sleep(time.Second)
				want := ""
				if !same(story.key, right) { // nothing shows in the exams of this processor
					want = "pi-1/-1 suspected by verification, 1 times"
				}
				l.wantFindings(want)
			})
		})
	}
}

// TestWhoIsSilentIsWaitedForOnce: two of another batch take a connection each and say nothing.
func TestWhoIsSilentIsWaitedForOnce(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		d, right := derivation()
		n := l.start("pi-1", "a", &cpu{})
		wait := make(chan struct{})
		defer close(wait)
		for _, name := range []string{"pi-2", "pi-3"} {
			l.start(name, "b", &cpu{}).derive = func(*Derivation) ([]byte, error) { <-wait; return nil, errNobody }
		}
		time.Sleep(10 * time.Second)
		began := time.Now()
		if _, by, err := n.Prove(context.Background(), d, right); err != nil || by.Node != "pi-1" || !by.Second {
			t.Errorf("it is confirmed by %+v: %v", by, err)
		}
		if took := time.Since(began); took > askFor+time.Second {
			t.Errorf("that took %s", took)
		}
	})
}

func TestANodeThatIsCondemnedVerifiesNothing(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		d, right := derivation()
		n := l.start("pi-1", "a", &cpu{})
		l.start("pi-2", "b", faulty(func(core int, _ []byte) bool { return core == 3 }))
		for _, when := range []time.Duration{0, 10 * time.Second} { // it may be asked before it is known
			time.Sleep(when)
			if _, by, err := n.Prove(context.Background(), d, right); err != nil || when > 0 && by.Node != "pi-1" {
				t.Errorf("after %s it is confirmed by %+v: %v", when, by, err)
			}
		}
		if _, err := n.peers.ask(context.Background(), "pi-2:9300", d, askFor); api.KindOf(err) != api.Condemned {
			t.Errorf("asked all the same it says %v", err)
		}
	})
}

func TestBadDerivationsAreRefused(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		n := l.start("pi-1", "a", &cpu{})
		time.Sleep(time.Second)
		for _, d := range []*Derivation{{Rounds: 0}, {Rounds: maxRounds + 1}, {Rounds: 1, Salt: make([]byte, maxSalt+1)}, {Rounds: 1, Password: string(make([]byte, maxPassword+1))}} {
			if _, err := n.peers.ask(context.Background(), "pi-1:9300", d, askFor); api.KindOf(err) != api.BadRequest {
				t.Errorf("%+v: %v", d, err)
			}
		}
	})
}

// TestARefusedPasswordIsLookedAtAgainNowAndThen: whoever guesses costs the node no more than that.
func TestARefusedPasswordIsLookedAtAgainNowAndThen(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		d, right := derivation()
		n := l.start("pi-1", "a", &cpu{})
		time.Sleep(time.Second)
		guess := *d
		guess.Password = "a guess"
		if n.TakesAfterAll(context.Background(), &guess, right) {
			t.Error("it takes a guess")
		}
		if n.TakesAfterAll(context.Background(), d, right) {
			t.Error("it looks again at once")
		}
		time.Sleep(secondLook)
		if !n.TakesAfterAll(context.Background(), d, right) {
			t.Error("it does not look again after a while")
		}
		time.Sleep(time.Second)
		l.wantFindings("pi-1/-1 suspected by login, 1 times")
	})
}
