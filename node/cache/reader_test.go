package cache_test

import (
	"context"
	"fmt"
	"testing"

	"picloud/node/api"
	"picloud/node/cache"
	"picloud/node/store/storetest"
)

// TestWhatIsReadAtOnceComesInTheOrderOfTheQuestions, however it is spread over partitions and transactions.
func TestWhatIsReadAtOnceComesInTheOrderOfTheQuestions(t *testing.T) {
	s := storetest.New(t)
	var ops []api.Op
	for i := range 3 * api.MaxTxnOps {
		key := fmt.Sprintf("p%d/%03d", i%2, i)
		if i%3 != 0 {
			if _, err := s.Txn(t.Context(), &api.Txn{Then: []api.Op{{Kind: api.Put, Key: key, Value: []byte(key)}}}); err != nil {
				t.Fatal(err)
			}
		}
		ops = append(ops, api.Op{Kind: api.Get, Key: key})
	}
	asked := 0
	s.Fail(func(*api.Txn) *storetest.Fault { asked++; return nil })
	read := cache.Direct(s)
	answers, err := read.Read(t.Context(), ops...)
	if err != nil || len(answers) != len(ops) {
		t.Fatalf("%d answers, error %v", len(answers), err)
	}
	for i := range answers {
		records := answers[i].Records
		if there := i%3 != 0; there != (len(records) == 1) || there && string(records[0].Value) != ops[i].Key || answers[i].Revision == 0 {
			t.Errorf("%s: %+v", ops[i].Key, answers[i])
		}
	}
	if asked != 4 {
		t.Errorf("%d transactions, not 2 for each of 2 partitions", asked)
	}
	if answers, err := read.Read(t.Context()); err != nil || len(answers) != 0 {
		t.Errorf("nothing was asked: %v, error %v", answers, err)
	}
}

// TestOneFailureIsTheFailureOfAll that are read at once.
func TestOneFailureIsTheFailureOfAll(t *testing.T) {
	s := storetest.New(t)
	s.Fail(func(x *api.Txn) *storetest.Fault {
		if x.Partition() == "p2" {
			return &storetest.Fault{Err: api.Errorf(api.Unavailable, "read", "p2", "it is out")}
		}
		return nil
	})
	get := func(key string) api.Op { return api.Op{Kind: api.Get, Key: key} }
	if answers, err := cache.Direct(s).Read(context.Background(), get("p1/a"), get("p2/a"), get("p3/a")); api.KindOf(err) != api.Unavailable || answers != nil {
		t.Errorf("%v, error %v", answers, err)
	}
}
