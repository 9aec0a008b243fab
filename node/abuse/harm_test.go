package abuse

import (
	"context"
	"fmt"
	"testing"
	"time"

	"picloud/node/api"
)

func TestHarmAddsUpToWhatLoadBalancersHear(t *testing.T) {
	stage(t, func(l *lab) {
		l.serve("pi-1")
		c := l.client()
		doors, err := NewCondemned(source{l.store, l}, []string{"shop"}, quiet())
		l.must(err)
		go doors.Run(l.ctx)
		l.must(l.rules("shop").Add(l.ctx, Links, "bad.example", "anna", ""))
		l.pass(ListBound)
		for i := range 10 { // 4 points each of 40 that an address has
			e := post("http://bad.example")
			e.Who = fmt.Sprint("mallory-", i)
			l.expect(c, e, Refuse, ByLink)
		}
		l.pass(condemnedBound)
		if doors.Left("shop", "10.0.0.1") <= 0 || doors.Left("shop", "10.0.0.2") > 0 || doors.Left("forum", "10.0.0.1") > 0 {
			t.Error("not just that address of that tenant is closed")
		}
		l.expect(c, post("hello"), Refuse, ByReputation)
		e := post("hello")
		e.Who, e.From = "mallory-3", "10.0.0.9"
		l.expect(c, e, Allow, "") // 4 of 10 points
		l.must(l.rules("shop").Pardon(l.ctx, "10.0.0.1", "anna", "a school"))
		l.pass(condemnedBound)
		if doors.Left("shop", "10.0.0.1") > 0 {
			t.Error("the address was pardoned")
		}
		l.pass(shareFor)
		l.expect(c, post("hello"), Allow, "")
		e = post("http://bad.example")
		e.Who = "mallory-11"
		l.expect(c, e, Refuse, ByLink)
		l.pass(condemnedBound)
		if doors.Left("shop", "10.0.0.1") > 0 {
			t.Error("what was done before the pardon counts")
		}
		for i := range 18 { // 72 points, and a pardon between
			if i == 9 {
				l.pass(condemnedBound)
				l.must(l.rules("shop").Pardon(l.ctx, "10.0.0.3", "anna", "before it is condemned"))
			}
			e := post("http://bad.example")
			e.Who, e.From = fmt.Sprint("eve-", i), "10.0.0.3"
			l.expect(c, e, Refuse, ByLink)
		}
		l.pass(condemnedBound)
		if doors.Left("shop", "10.0.0.3") > 0 {
			t.Error("what was done before a pardon of an address that was open counts")
		}
	})
}

func TestGuessedPasswordsHarmTheAddressAndNotTheVictim(t *testing.T) {
	stage(t, func(l *lab) {
		l.serve("pi-1")
		c := l.client()
		l.pass(2 * time.Second)
		for range 45 {
			c.Offence("shop", Login, "anna", "10.6.6.6")
			l.pass(10 * time.Millisecond)
		}
		l.expect(c, &Event{Tenant: "shop", What: Login, Who: "anna", From: "10.0.0.1"}, Allow, "")
		l.expect(c, &Event{Tenant: "shop", What: Login, Who: "ben", From: "10.6.6.6"}, Refuse, ByReputation)
	})
}

// failing is a source that answers so many transactions, and then none.
type failing struct {
	source
	left int
}

func (f *failing) Txn(ctx context.Context, t *api.Txn) (*api.Reply, error) {
	if f.left--; f.left < 0 {
		return nil, api.Errorf(api.Unavailable, "write", "", "nobody leads")
	}
	return f.source.Txn(ctx, t)
}

// TestAPardonSaysThatAPartOfItWasDone has the store fail before a pardon, and between its two steps.
func TestAPardonSaysThatAPartOfItWasDone(t *testing.T) {
	stage(t, func(l *lab) {
		for done, want := range map[int]api.Kind{0: api.Unavailable, 1: api.Unknown, 2: ""} {
			rules, err := NewRules(&failing{source{l.store, l}, done}, "shop")
			l.must(err)
			if err := rules.Pardon(l.ctx, "10.0.0.1", "anna", "a school"); api.KindOf(err) != want {
				t.Errorf("after %d steps: %v", done, err)
			}
		}
	})
}
