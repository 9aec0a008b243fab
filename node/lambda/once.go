package lambda

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"picloud/node/api"
	"picloud/node/mutant"
	"picloud/node/queue"
	"picloud/node/wait"
)

// The rows of steps that were done are PARTITION/\xffonce/ID/STEP, behind all documents of their partition.
const onceRows = "/\xffonce/"

// OnceTTL is how long a step is known to be done. A job that is run again later than that does it again. One that failed for good may
// be made to run again for as long as its queue keeps it; the week is for the attempts before and after that.
const OnceTTL = queue.MaxDeadFor + 7*24*time.Hour

// The bounds of a row's names, in bytes.
const (
	longestID   = 256
	longestStep = 128
)

// Once runs a transaction as a step of a job, in whatever partition, so that it takes effect once, however often the
// job is run: a row for the step is written with the rest, if and only if there was none. Before tells that it had
// taken effect before, in an earlier run or an earlier attempt of this call; the reply says no more than that then.
//
// The ID is the run's. A step is a name, different for each step of the job: 1 to 128 bytes without a slash. The row
// takes one comparison and one operation of those that a transaction has. Where the transaction's own conditions do
// not hold, Else is done, which only reads, and the step is not. While it is not known whether it took effect it is tried again, until
// the context ends.
func Once(ctx context.Context, store api.Store, partition, id, step string, t *api.Txn) (reply *api.Reply, before bool, err error) {
	key, err := onceKey(partition, id, step)
	if err != nil {
		return nil, false, err
	}
	if !(&api.Txn{Then: t.Else}).ReadOnly() { // it is done where the row is there, too
		return nil, false, api.Errorf(api.BadRequest, "do a step once", step, "what is done where its conditions do not hold only reads")
	}
	all := &api.Txn{
		If:   append(slices.Clone(t.If), api.Compare{Key: key, What: api.Version, Is: "="}),
		Then: append(slices.Clone(t.Then), api.Op{Kind: api.Put, Key: key, TTL: OnceTTL.Milliseconds()}),
		Else: append(slices.Clone(t.Else), api.Op{Kind: api.Get, Key: key}),
	}
	if mutant.Planted == mutant.TwiceOnce {
		all.If = t.If
	}
	for tries := 0; ; tries++ {
		reply, err = store.Txn(ctx, all)
		if err == nil {
			reply, before = seen(reply)
			return reply, before, nil
		}
		if api.KindOf(err) != api.Unknown || !wait.For(ctx, rand.N(20*time.Millisecond<<min(tries, 5))) {
			return nil, false, err
		}
	}
}

func onceKey(partition, id, step string) (string, error) {
	const doing = "do a step once"
	if id == "" || len(id) > longestID {
		return "", api.Errorf(api.BadRequest, doing, fmt.Sprintf("%.80q", step), "a run's ID is 1 to %d bytes, not %.80q", longestID, id)
	}
	if step == "" || len(step) > longestStep || strings.Contains(step, "/") {
		return "", api.Errorf(api.BadRequest, doing, fmt.Sprintf("%.80q", step), "a step is 1 to %d bytes without a slash", longestStep)
	}
	return partition + onceRows + id + "/" + step, nil
}

// seen takes the row of the step out of a reply.
func seen(reply *api.Reply) (_ *api.Reply, before bool) {
	last := len(reply.Results) - 1
	row := reply.Results[last].Records
	reply.Results = reply.Results[:last]
	if reply.Succeeded || len(row) == 0 {
		return reply, false
	}
	return &api.Reply{Succeeded: true, Revision: row[0].Modified}, true
}
