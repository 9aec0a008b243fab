package abuse

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"picloud/node/api"
	"picloud/node/store/storetest"
)

// books are the accounts of a tenant, as several servers keep them. Time goes on for the store as it does for them.
type books struct {
	t     testing.TB
	store *storetest.Store
}

func tenant(name string) *Tenant {
	c := Config{Tenants: []Tenant{{Name: name, Limits: []Limit{{Post, User, 10, time.Second}, {Post, Address, 64, time.Second}, {Login, User, 4, time.Second}},
		UserHarm: 10, AddressHarm: 40, Forgive: 10 * time.Second}}}
	return &c.withDefaults().Tenants[0]
}

func (b *books) server() *ledger { return newLedger(tenant("shop"), b.store) }

// play runs a story on a clock that goes on when nobody works.
func play(t *testing.T, story func(*books)) {
	synctest.Test(t, func(t *testing.T) {
		scope := &storetest.Scope{TB: t}
		defer scope.End()
		story(&books{t, storetest.New(scope)})
	})
}

// pass lets time go by.
func (b *books) pass(d time.Duration) {
	time.Sleep(d)
	b.store.Tick(d)
}

// pays pays a cost as often as it can, up to some times, and returns how often.
func (b *books) pays(l *ledger, s subject, what What, cost, most int) int {
	b.t.Helper()
	for i := range most {
		no, err := l.pay(b.t.Context(), s, what, cost)
		if err != nil {
			b.t.Fatal(err)
		}
		if no != nil {
			return i
		}
	}
	return most
}

var (
	anna = subject{User, "anna"}
	home = subject{Address, "10.0.0.1"}
)

func TestALimitIsABurstAndWhatComesBack(t *testing.T) {
	play(t, func(b *books) {
		l := b.server()
		if got := b.pays(l, anna, Post, 1, 100); got != 10 {
			t.Errorf("%d of a burst of 10", got)
		}
		if got := b.pays(l, anna, Login, 1, 100); got != 4 {
			t.Errorf("what was paid of one limit counts for another: %d of 4", got)
		}
		b.pass(3 * time.Second)
		if got := b.pays(l, anna, Post, 1, 100); got != 3 {
			t.Errorf("%d came back in 3 s", got)
		}
		b.pass(time.Hour)
		if got := b.pays(l, anna, Post, 5, 100); got != 2 {
			t.Errorf("after an hour %d times a cost of 5 was paid", got)
		}
		if got := b.pays(l, anna, Register, 1, 100); got != 100 {
			t.Errorf("there is no limit, and %d were paid", got)
		}
	})
}

// TestAShareThatWasNotUsedInTimeIsLost, also to who pays something else meanwhile: it has come back in the store.
func TestAShareThatWasNotUsedInTimeIsLost(t *testing.T) {
	play(t, func(b *books) {
		l := b.server()
		if got := b.pays(l, home, Post, 1, 1); got != 1 { // of a share of two
			t.Errorf("%d of a burst of 64", got)
		}
		b.pass(time.Hour)
		if got := b.pays(l, home, Register, 1, 1); got != 1 {
			t.Errorf("there is no limit, and %d were paid", got)
		}
		if got := b.pays(l, home, Post, 1, 100); got != 64 {
			t.Errorf("%d at once of a burst of 64", got)
		}
	})
}

func TestServersShareWhatIsLeft(t *testing.T) {
	play(t, func(b *books) {
		one, other := b.server(), b.server()
		if got := b.pays(one, anna, Post, 1, 6) + b.pays(other, anna, Post, 1, 100); got != 10 {
			t.Errorf("two servers let %d pass of a burst of 10", got)
		}
	})
}

func TestWhatWasPaidOutlivesAServer(t *testing.T) {
	play(t, func(b *books) {
		b.pays(b.server(), anna, Post, 1, 100)
		b.pays(b.server(), home, Post, 1, 40)
		again := b.server() // it has started anew and knows nothing
		if got := b.pays(again, anna, Post, 1, 100); got != 0 {
			t.Errorf("a server that has started again let %d pass that had been paid", got)
		}
		if got := b.pays(again, home, Post, 1, 100); got < 20 || got > 24 {
			t.Errorf("of an address's burst of 64 40 were paid, and %d were left", got)
		}
	})
}

func TestWhoDoesTooMuchHarmIsRefusedUntilItIsForgiven(t *testing.T) {
	play(t, func(b *books) {
		l, other := b.server(), b.server()
		offend := func(points int) bool {
			spent, err := l.offend(b.t.Context(), anna, points)
			if err != nil {
				t.Fatal(err)
			}
			return spent
		}
		for range 2 {
			if offend(4) {
				t.Error("nothing is left after at most 8 of 10 points")
			}
		}
		if got := b.pays(l, anna, Post, 1, 1); got != 1 {
			t.Error("anna may post still")
		}
		for _, last := range []bool{true, false} {
			if offend(4) != last {
				t.Error("the offence that takes the last point says so, and no other")
			}
		}
		for _, at := range []*ledger{l, other} {
			no, err := at.pay(b.t.Context(), anna, Post, 1)
			if err != nil || no == nil || no.limit != harm || no.after <= 0 {
				t.Errorf("anna may post: %+v, %v", no, err)
			}
		}
		if got := b.pays(l, subject{User, "ben"}, Post, 1, 1); got != 1 {
			t.Error("ben pays for what anna has done")
		}
		b.pass(11 * time.Second)
		if got := b.pays(other, anna, Post, 1, 1); got != 1 {
			t.Error("a point was forgiven, and anna may not post")
		}
	})
}

func TestTenantsHaveAccountsOfTheirOwn(t *testing.T) {
	play(t, func(b *books) {
		shop, forum := newLedger(tenant("shop"), b.store), newLedger(tenant("forum"), b.store)
		if _, err := shop.offend(b.t.Context(), anna, 100); err != nil {
			t.Fatal(err)
		}
		if got := b.pays(forum, anna, Post, 1, 1); got != 1 {
			t.Error("what anna has done in the shop counts in the forum")
		}
	})
}

func TestAnAccountThatCannotBeReadIsNoYes(t *testing.T) {
	play(t, func(b *books) {
		l := b.server()
		b.store.Fail(func(*api.Txn) *storetest.Fault {
			return &storetest.Fault{Err: api.Errorf(api.Unavailable, "read", "", "cut")}
		})
		if no, err := l.pay(b.t.Context(), anna, Post, 1); err == nil {
			t.Errorf("it was paid: %+v", no)
		}
		b.store.Fail(nil)
		if got := b.pays(l, anna, Post, 1, 100); got != 10 {
			t.Errorf("%d of 10 after a failure", got)
		}
	})
}

// In no stretch of time does anybody get more than a burst and what comes back in it, whatever servers come and go; and a
// single server gives all of it.
func TestNobodyGetsMoreThanALimitAllows(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 40), 1, 60).Draw(r, "steps")
		restarts := rapid.Bool().Draw(r, "restarts")
		play(t, func(b *books) {
			l, began := b.server(), time.Now()
			paid, plain := 0, 10*thousand // plain is a bucket of one server, counted in the plainest way
			for _, step := range steps {
				switch {
				case step < 20:
					got := b.pays(l, anna, Post, 1, 1)
					want := 0
					if plain >= thousand {
						want, plain = 1, plain-thousand
					}
					if !restarts && got != want {
						r.Fatalf("paid %d, and %d was there", got, want)
					}
					paid += got
				case step < 35 || !restarts:
					d := time.Duration(step-19) * time.Second
					b.pass(d)
					plain = min(10*thousand, plain+int(d/time.Millisecond))
				default:
					l = b.server()
				}
			}
			if most := 10 + int(time.Since(began)/time.Second); paid > most {
				r.Fatalf("paid %d in %s, at most %d are allowed", paid, time.Since(began), most)
			}
		})
	})
}

func TestManyAtOnceShareAnAccount(t *testing.T) {
	play(t, func(b *books) {
		servers := []*ledger{b.server(), b.server(), b.server()}
		passed := make(chan bool, 300)
		for i := range 300 {
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				no, err := servers[i%3].pay(ctx, home, Post, 1)
				passed <- no == nil && err == nil
			}()
		}
		n := 0
		for range 300 {
			if <-passed {
				n++
			}
		}
		if n > 64 || n < 55 {
			t.Errorf("%d of 300 passed a burst of 64", n)
		}
	})
}

func TestAServerForgetsThoseWhoHaveGone(t *testing.T) {
	play(t, func(b *books) {
		l := b.server()
		for i := range mostPurses {
			l.purses[subject{User, fmt.Sprint(i)}] = &purse{lock: make(chan struct{}, 1)}
		}
		b.pass(time.Minute)
		b.pays(l, anna, Post, 1, 1)
		if len(l.purses) != 1 {
			t.Errorf("it remembers %d", len(l.purses))
		}
	})
}

// meddled is a store that has something done before the first write that depends on what was read.
type meddled struct {
	*storetest.Store
	before func()
}

func (m *meddled) Txn(ctx context.Context, t *api.Txn) (*api.Reply, error) {
	if do := m.before; do != nil && len(t.If) > 0 {
		m.before = nil
		do()
	}
	return m.Store.Txn(ctx, t)
}

// TestAShareThatOthersTookIsNoShare: a write that came too late has taken nothing.
func TestAShareThatOthersTookIsNoShare(t *testing.T) {
	play(t, func(b *books) {
		other := b.server()
		late := newLedger(tenant("shop"), &meddled{b.store, func() { b.pays(other, home, Post, 1, 100) }})
		if got := b.pays(late, home, Post, 1, 1); got != 0 {
			t.Errorf("paid %d of nothing", got)
		}
		b.pass(2 * time.Second)
		if got := b.pays(b.server(), home, Post, 1, 100); got != 2 {
			t.Errorf("%d came back in two seconds", got)
		}
		if got := b.pays(late, home, Post, 1, 100); got != 0 {
			t.Errorf("paid %d of a share that it never had", got)
		}
	})
}
