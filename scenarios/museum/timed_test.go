package museum

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// slowLog is a log in memory whose writes take as long as they are told.
type slowLog struct {
	*raft.InmemStore
	takes atomic.Int64 // ns
}

func (s *slowLog) StoreLogs(logs []*raft.Log) error {
	time.Sleep(time.Duration(s.takes.Load()))
	return s.InmemStore.StoreLogs(logs)
}

func entry(index uint64, data string) []*raft.Log {
	return []*raft.Log{{Index: index, Term: 1, Data: []byte(data)}}
}

func stored(t *testing.T, log raft.LogStore, index uint64) string {
	t.Helper()
	var l raft.Log
	if err := log.GetLog(index, &l); err != nil {
		return err.Error()
	}
	return string(l.Data)
}

func TestWhatASlowDiskTakesTooLateIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowLog{InmemStore: raft.NewInmemStore()}
		log := inTime(slow, 100*time.Millisecond)
		if err := log.StoreLogs(entry(1, "in time")); err != nil {
			t.Fatal(err)
		}
		slow.takes.Store(int64(time.Second))
		began := time.Now()
		if err := log.StoreLogs(entry(2, "too late")); !errors.Is(err, errSlow) || time.Since(began) != log.limit {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if err := log.StoreLogs(entry(2, "behind it")); !errors.Is(err, errSlow) || time.Since(began) != log.limit {
			t.Errorf("the next entry, after %v: %v", time.Since(began), err)
		}
		slow.takes.Store(0)
		if err := log.SetUint64([]byte("term"), 2); err != nil || time.Since(began) != time.Second {
			t.Errorf("the term was stored after %v, before the late entries had come and gone: %v", time.Since(began), err)
		}
		if last, _ := log.LastIndex(); last != 1 {
			t.Errorf("the last entry is %d: %s", last, stored(t, log, last))
		}
		if err := log.StoreLogs(entry(2, "afterwards")); err != nil {
			t.Error(err)
		}
		if got := stored(t, log, 1) + ", " + stored(t, log, 2); got != "in time, afterwards" {
			t.Errorf("the log holds %s", got)
		}
	})
}

// TestEntriesInPlaceOfOthersAreNotRefused: raft 1.8.0 remembers a log as longer than it is if it can
// remove entries and then not write the ones that belong there.
func TestEntriesInPlaceOfOthersAreNotRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowLog{InmemStore: raft.NewInmemStore()}
		log := inTime(slow, 100*time.Millisecond)
		if err := errors.Join(log.StoreLogs(entry(1, "old")), log.DeleteRange(1, 1)); err != nil {
			t.Fatal(err)
		}
		slow.takes.Store(int64(time.Second))
		if err := log.StoreLogs(entry(1, "new")); err != nil {
			t.Error(err)
		}
		if err := log.StoreLogs(entry(2, "next")); !errors.Is(err, errSlow) {
			t.Error(err)
		}
		time.Sleep(time.Minute)
	})
}
