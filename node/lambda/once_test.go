package lambda

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"picloud/node/api"
	"picloud/node/queue"
	"picloud/node/store/storetest"
)

// counter is a store with a number that steps add to.
type counter struct {
	*storetest.Store
	t *testing.T
}

const number = "away:01/n"

func (c counter) read() (n int, revision uint64) {
	c.t.Helper()
	reply, err := c.Txn(context.Background(), &api.Txn{Then: []api.Op{{Kind: api.Get, Key: number}}})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, r := range reply.Results[0].Records {
		n, _ = strconv.Atoi(string(r.Value))
		revision = r.Modified
	}
	return n, revision
}

// add is a transaction that adds one to the number as it is now.
func (c counter) add() *api.Txn {
	n, _ := c.read()
	return &api.Txn{Then: []api.Op{{Kind: api.Put, Key: number, Value: []byte(strconv.Itoa(n + 1)), Previous: true}}}
}

func (c counter) expect(want int) {
	c.t.Helper()
	if n, _ := c.read(); n != want {
		c.t.Errorf("it was done %d times, want %d", n, want)
	}
}

func TestAStepIsDoneOnce(t *testing.T) {
	c := counter{storetest.New(t), t}
	const id = "3/anna/t0123-4567" // as jobs' IDs are, with slashes
	for run := range 3 {
		reply, before, err := Once(t.Context(), c, "away:01", id, "add", c.add())
		if err != nil || before != (run > 0) || !reply.Succeeded || reply.Revision != 1 {
			t.Errorf("run %d: before %t, %+v, %v", run, before, reply, err)
		}
		if run == 0 && len(reply.Results) != 1 {
			t.Errorf("%+v", reply)
		}
	}
	c.expect(1)
	for _, other := range [][2]string{{id, "add again"}, {"3/anna/t0123-4568", "add"}} {
		if _, before, err := Once(t.Context(), c, "away:01", other[0], other[1], c.add()); err != nil || before {
			t.Errorf("%v: before %t, %v", other, before, err)
		}
	}
	c.expect(3)
	c.Tick(OnceTTL - time.Second)
	if _, before, err := Once(t.Context(), c, "away:01", id, "add", c.add()); err != nil || !before {
		t.Errorf("a second before its time: before %t, %v", before, err)
	}
	c.Tick(2 * time.Second)
	if _, before, err := Once(t.Context(), c, "away:01", id, "add", c.add()); err != nil || before {
		t.Errorf("after its time: before %t, %v", before, err)
	}
}

// TestAStepIsKnownWhileItsJobMayBeRunAgain: one that failed for good is, until the queue forgets it, and then has its attempts.
func TestAStepIsKnownWhileItsJobMayBeRunAgain(t *testing.T) {
	c := counter{storetest.New(t), t}
	step := func() (before bool) {
		_, before, err := Once(t.Context(), c, "away:01", "3/anna/t0123-4567", "add", c.add())
		if err != nil {
			t.Error(err)
		}
		return before
	}
	step()
	c.Tick(queue.MaxDeadFor + 24*time.Hour)
	if !step() {
		t.Error("a job that was made to run again at the last moment, and took a day for its attempts, did its step twice")
	}
	c.expect(1)
}

// TestAStepOfWhichNobodyKnows is tried again, and done once. A run that comes later does not do it again.
func TestAStepOfWhichNobodyKnows(t *testing.T) {
	for _, after := range []bool{false, true} {
		c := counter{storetest.New(t), t}
		step := c.add()
		n := 0
		c.Fail(func(*api.Txn) *storetest.Fault {
			if n++; n <= 2 {
				return &storetest.Fault{Err: api.Errorf(api.Unknown, "write", "", ""), After: after}
			}
			return nil
		})
		if _, before, err := Once(t.Context(), c, "away:01", "j", "add", step); err != nil || before != after {
			t.Errorf("after %t: before %t, %v", after, before, err)
		}
		if _, before, err := Once(t.Context(), c, "away:01", "j", "add", c.add()); err != nil || !before {
			t.Errorf("after %t: before %t, %v", after, before, err)
		}
		c.expect(1)
	}
	c := counter{storetest.New(t), t}
	c.Fail(func(*api.Txn) *storetest.Fault {
		return &storetest.Fault{Err: api.Errorf(api.Unknown, "write", "", "")}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := Once(ctx, c, "away:01", "j", "add", &api.Txn{Then: []api.Op{{Kind: api.Put, Key: number}}}); err == nil {
		t.Error("it is done where nothing is known")
	}
}

// TestAStepWhoseConditionFails is not done: it can be tried again, as it would be without Once.
func TestAStepWhoseConditionFails(t *testing.T) {
	c := counter{storetest.New(t), t}
	step := func(is uint64) *api.Txn {
		x := c.add()
		x.If = []api.Compare{{Key: number, What: api.Modified, Is: "=", Number: is}}
		x.Else = []api.Op{{Kind: api.Get, Key: number}}
		return x
	}
	if reply, before, err := Once(t.Context(), c, "away:01", "j", "add", step(77)); err != nil || before || reply.Succeeded || len(reply.Results) != 1 {
		t.Errorf("before %t, %+v, %v", before, reply, err)
	}
	c.expect(0)
	if reply, before, err := Once(t.Context(), c, "away:01", "j", "add", step(0)); err != nil || before || !reply.Succeeded {
		t.Errorf("before %t, %+v, %v", before, reply, err)
	}
	if reply, before, err := Once(t.Context(), c, "away:01", "j", "add", step(77)); err != nil || !before || !reply.Succeeded {
		t.Errorf("before %t, %+v, %v", before, reply, err)
	}
	c.expect(1)
}

// TestAStepThatWritesWhereItsConditionFailsIsRefused: each later run would write that, as the row of the step stands in its way.
func TestAStepThatWritesWhereItsConditionFailsIsRefused(t *testing.T) {
	c := counter{storetest.New(t), t}
	for range 2 {
		x := &api.Txn{Then: []api.Op{{Kind: api.Put, Key: "away:01/done"}}, Else: []api.Op{{Kind: api.Put, Key: number, Value: []byte("1")}}}
		if _, _, err := Once(t.Context(), c, "away:01", "j", "a", x); api.KindOf(err) != api.BadRequest {
			t.Error(err)
		}
	}
	c.expect(0)
}

func TestBadStepsAreRefused(t *testing.T) {
	c := counter{storetest.New(t), t}
	for _, names := range [][2]string{{"", "a"}, {"j", ""}, {"j", "a/b"}, {"j", strings.Repeat("a", longestStep+1)}, {strings.Repeat("a", longestID+1), "a"}, {"j\x00", "a"}} {
		if _, _, err := Once(t.Context(), c, "away:01", names[0], names[1], c.add()); api.KindOf(err) != api.BadRequest {
			t.Errorf("%.20q: %v", fmt.Sprint(names), err)
		}
	}
	if _, _, err := Once(t.Context(), c, "elsewhere", "j", "a", c.add()); api.KindOf(err) != api.CrossPartition {
		t.Error(err)
	}
	c.expect(0)
}
