package abuse

import (
	"context"
	"fmt"
	"sync"
	"time"

	"picloud/node/api"
	"picloud/node/mutant"
)

// ledger holds the accounts of a tenant's users and addresses. They lie in the store; a server keeps what it has taken of them
// for events to come, and whom it has found to have nothing left.
type ledger struct {
	tenant  string
	rows    api.Partitions
	store   api.Store
	buckets map[Of][]bucket
	limits  map[What]map[Of]string // the names of those that an event pays

	mu      sync.Mutex
	purses  map[subject]*purse
	forgets time.Time // when purses may be looked through again
}

// subject is a user or an address.
type subject struct {
	of   Of
	name string
}

// purse is what a server has of a subject's account. Its lock is a channel, for those who wait with a deadline.
type purse struct {
	lock    chan struct{}
	users   int                  // who have it or wait for it, under the ledger's lock
	taken   map[string]taken     // of each limit
	until   time.Time            // for how long it is good that there is reputation left
	nothing map[string]time.Time // the limits of which nothing is left until a time
}

// taken is what is left of a share of a limit, thousandths, and for how long that is good.
type taken struct {
	left  int64
	until time.Time
}

// accountPartitions is how many partitions the accounts of a tenant are spread over.
const accountPartitions = 16

// mostPurses is how many subjects a server remembers. It asks the store for all others.
const mostPurses = 50_000

func newLedger(t *Tenant, store api.Store) *ledger {
	l := &ledger{tenant: t.Name, store: store, purses: map[subject]*purse{}, limits: map[What]map[Of]string{},
		rows: accountsIn(t.Name),
		buckets: map[Of][]bucket{
			User:    {{harm, int64(t.UserHarm) * thousand, t.Forgive}},
			Address: {{harm, int64(t.AddressHarm) * thousand, t.Forgive}},
		}}
	for i := range t.Limits {
		limit := &t.Limits[i]
		l.buckets[limit.Of] = append(l.buckets[limit.Of], limit.bucket())
		if l.limits[limit.What] == nil {
			l.limits[limit.What] = map[Of]string{}
		}
		l.limits[limit.What][limit.Of] = limit.name()
	}
	return l
}

// accountsIn returns the partitions of a tenant's accounts.
func accountsIn(tenant string) api.Partitions {
	if mutant.Planted == mutant.SharedReputation {
		tenant = "all"
	}
	return api.Partitions{Namespace: "@abuse:" + tenant, Count: accountPartitions}
}

// accountKey returns the key of a subject's account. No row there is an account of which nothing was taken.
func accountKey(rows api.Partitions, s subject) string {
	return rows.Of(s.name) + "/account/" + string(s.of) + "/" + s.name
}

// denied says that a subject has nothing left of a limit.
type denied struct {
	limit string
	of    Of
	after time.Duration
}

// pay takes a cost from the limit of a subject that an event of some kind pays, if there is one. It is denied if too little is
// left, or if the subject has done too much harm.
func (l *ledger) pay(ctx context.Context, s subject, what What, cost int) (*denied, error) {
	limit := l.limits[what][s.of] // none: only harm counts
	p, err := l.open(ctx, s)
	if err != nil {
		return nil, err
	}
	defer l.close(s, p)
	now := time.Now()
	for _, name := range []string{harm, limit} {
		if until := p.nothing[name]; now.Before(until) {
			return &denied{name, s.of, until.Sub(now)}, nil
		}
	}
	held, need := p.taken[limit], int64(cost)*thousand
	switch {
	case !now.Before(p.until): // nobody knows any more whether there is reputation left
	case limit == "":
		return nil, nil
	case now.Before(held.until) && held.left >= need:
		p.taken[limit] = taken{held.left - need, held.until}
		return nil, nil
	}
	return l.fetch(ctx, s, p, limit, need)
}

// fetch takes a share of an account.
func (l *ledger) fetch(ctx context.Context, s subject, p *purse, limit string, cost int64) (*denied, error) {
	var refused *denied
	var got taken // of a write that may come too late
	err := l.change(ctx, s, func(left map[string]int64) bool {
		refused = nil
		if left[harm] < thousand {
			refused = l.deny(p, s, harm, left[harm], thousand)
			return false
		}
		if limit == "" {
			p.until = time.Now().Add(shareFor)
			return false
		}
		b := l.bucket(s.of, limit)
		if left[limit] < cost {
			refused = l.deny(p, s, limit, left[limit], cost)
			return false
		}
		take := share(b, left[limit], cost)
		left[limit] -= take
		got = taken{take - cost, time.Now().Add(shareFor)}
		return true
	})
	switch {
	case err != nil:
		p.taken, p.until = nil, time.Time{} // nobody knows what was taken
	case refused == nil && limit != "":
		if p.taken == nil {
			p.taken = map[string]taken{}
		}
		p.taken[limit], p.until = got, got.until
	}
	return refused, err
}

// deny notes that nothing is to be had of a limit until enough has come back.
func (l *ledger) deny(p *purse, s subject, limit string, left, want int64) *denied {
	b := l.bucket(s.of, limit)
	after := max(b.until(left, min(want, b.burst)), time.Second) // the group's clock goes on in steps
	if p.nothing == nil {
		p.nothing = map[string]time.Time{}
	}
	p.nothing[limit] = time.Now().Add(min(after, shareFor)) // somebody may be pardoned meanwhile
	return &denied{limit, s.of, after}
}

func (l *ledger) bucket(of Of, name string) *bucket {
	for i := range l.buckets[of] {
		if b := &l.buckets[of][i]; b.name == name {
			return b
		}
	}
	panic("abuse: no limit " + name)
}

// offend takes points from what a subject may do of harm, and tells whether nothing is left.
func (l *ledger) offend(ctx context.Context, s subject, points int) (spent bool, err error) {
	p, err := l.open(ctx, s)
	if err != nil {
		return false, err
	}
	defer l.close(s, p)
	err = l.change(ctx, s, func(left map[string]int64) bool {
		spent = left[harm] >= thousand && left[harm] < int64(points+1)*thousand // by this offence
		left[harm] = max(0, left[harm]-int64(points)*thousand)
		if left[harm] < thousand {
			l.deny(p, s, harm, left[harm], thousand)
		}
		return true
	})
	return spent && err == nil, err
}

// conflicts is how often an account is read again that another server has changed meanwhile.
const conflicts = 8

// change changes an account, if edit says so.
func (l *ledger) change(ctx context.Context, s subject, edit func(left map[string]int64) bool) error {
	key, buckets := accountKey(l.rows, s), l.buckets[s.of]
	reply, err := l.store.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: key}}})
	for range conflicts {
		if err != nil {
			return err
		}
		var row *api.Record
		if found := reply.Results[0].Records; len(found) > 0 {
			row = &found[0]
		}
		left, err := levels(buckets, counted(row))
		if err != nil {
			return err
		}
		if !edit(left) {
			return nil
		}
		t := &api.Txn{If: []api.Compare{api.Unchanged(key, row)}, Then: []api.Op{write(key, buckets, left)}, Else: []api.Op{{Kind: api.Get, Key: key}}}
		if reply, err = l.store.Txn(ctx, t); err != nil {
			return err
		}
		if reply.Succeeded {
			return nil
		}
	}
	return api.Errorf(api.Unavailable, "change the account", fmt.Sprintf("of the %s %.80q", s.of, s.name), "others change it all the time")
}

// counted returns the row of which what is left is counted.
func counted(row *api.Record) *api.Record {
	if mutant.Planted == mutant.CountsFromZero {
		return nil
	}
	return row
}

// open returns the purse of a subject, for one at a time.
func (l *ledger) open(ctx context.Context, s subject) (*purse, error) {
	l.mu.Lock()
	p := l.purses[s]
	if p == nil {
		if now := time.Now(); len(l.purses) >= mostPurses && !now.Before(l.forgets) {
			l.forget(now)
			l.forgets = now.Add(time.Second)
		}
		p = &purse{lock: make(chan struct{}, 1)}
		l.purses[s] = p
	}
	p.users++
	l.mu.Unlock()
	select {
	case p.lock <- struct{}{}:
		return p, nil
	case <-ctx.Done():
		l.leave(s, p)
		return nil, api.Errorf(api.Unavailable, "wait for the account", fmt.Sprintf("of the %s %.80q", s.of, s.name), "%s", ctx.Err())
	}
}

func (l *ledger) close(s subject, p *purse) {
	<-p.lock
	l.leave(s, p)
}

// leave forgets a purse that nobody uses if there are too many.
func (l *ledger) leave(s subject, p *purse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.users--; p.users == 0 && len(l.purses) > mostPurses { // it may have more at once than it remembers
		delete(l.purses, s)
	}
}

// forget drops purses in which nothing is. The lock is held.
func (l *ledger) forget(now time.Time) {
	for s, p := range l.purses {
		if p.users == 0 && !now.Before(p.until.Add(shareFor)) {
			delete(l.purses, s)
		}
	}
}
