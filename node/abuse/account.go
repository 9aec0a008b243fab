package abuse

import (
	"time"

	"picloud/node/api"
)

// account is what a subject, a user or an address, has left of each limit: token buckets. It is a row of the store whose time
// to live is that until all of it has come back, on the clock of the row's group: what is left of that says how much has come
// back since the row was written. No server's clock matters.
type account struct {
	Left map[string]int64 `json:"left"` // thousandths, by the limit's name; what is not there is full
}

// thousand is how many parts a unit has.
const thousand = 1000

// harm is the name of the limit of harm, that nobody pays for but by offences.
const harm = "harm"

// bucket is a limit as it is counted.
type bucket struct {
	name  string
	burst int64         // thousandths
	every time.Duration // in which a unit comes back
}

func (l *Limit) bucket() bucket { return bucket{l.name(), int64(l.Burst) * thousand, l.Every} }

// back returns how much comes back in a time, thousandths.
func (b *bucket) back(d time.Duration) int64 {
	if d > b.full(0) {
		return b.burst
	}
	return int64(d/b.every)*thousand + int64(d%b.every)*thousand/int64(b.every)
}

// full returns how long it takes until all has come back.
func (b *bucket) full(left int64) time.Duration { return b.until(left, b.burst) }

// until returns how long it takes until so much is there, rounded up to ms.
func (b *bucket) until(left, want int64) time.Duration {
	if left >= want {
		return 0
	}
	missing := want - left
	d := time.Duration(missing/thousand)*b.every + time.Duration(missing%thousand)*b.every/thousand
	return (d + time.Millisecond).Truncate(time.Millisecond)
}

// levels returns what is left of each of some buckets, by a row that may be none.
func levels(buckets []bucket, r *api.Record) (map[string]int64, error) {
	left := map[string]int64{}
	var a account
	var gone time.Duration
	if r != nil {
		found, err := decode[account](r)
		if err != nil {
			return nil, err
		}
		a, gone = *found, time.Duration(r.TTL-r.Left)*time.Millisecond
	}
	for i := range buckets {
		b := &buckets[i]
		was, counted := a.Left[b.name]
		if !counted {
			was = b.burst
		}
		left[b.name] = min(b.burst, max(was, 0)+b.back(gone))
	}
	return left, nil
}

// write returns what makes a row of what is left; nil buckets are full.
func write(key string, buckets []bucket, left map[string]int64) api.Op {
	a := account{Left: map[string]int64{}}
	life := time.Second // steps of the group's clock
	for i := range buckets {
		b := &buckets[i]
		if left[b.name] < b.burst {
			a.Left[b.name] = left[b.name]
			life = max(life, b.full(left[b.name]))
		}
	}
	o := put(key, a)
	o.TTL = min(life.Milliseconds()+1, api.MaxTTL)
	return o
}

// share is how much of a limit a server takes at a time, so that not each event of a crowd is a write: a thirty-second of the
// burst, as much as is there, but at least what it needs. What it does not use within shareFor is lost to the subject: servers
// that come and go make limits stricter, and never laxer.
func share(b *bucket, left, cost int64) int64 { return min(left, max(cost, b.burst/32)) }

const shareFor = 5 * time.Second
