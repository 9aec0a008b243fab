package queue

import (
	"time"

	"picloud/node/api"
	"picloud/node/codec"
)

// What servers and their clients say to each other, as JSON. Unknown fields are errors.

// The limits of requests.
const (
	maxBody     = 4 << 20
	maxJobs     = 1000 // in one request to enqueue, and reservations in one to settle
	maxReserved = 100  // by one request
	maxQueues   = 64   // in one request
	maxListed   = 1000 // dead jobs in one answer, and moved by one request
	maxPollName = 64
)

// PlacedJob is a job and where it is to lie: in a partition, or in the one of an owner such as a user's name. Without either
// it lies where its unique name leads to, or in any.
type PlacedJob struct {
	Job
	Partition string `json:"partition,omitempty"`
	Owner     string `json:"owner,omitempty"`
}

type enqueueCall struct {
	Jobs []PlacedJob `json:"jobs"`
}

// Enqueued is what came of a job.
type Enqueued struct {
	ID        string     `json:"id,omitempty"`
	Partition string     `json:"partition,omitempty"`
	Error     *api.Error `json:"error,omitempty"`
}

type enqueueAnswer struct {
	Jobs []Enqueued `json:"jobs"`
}

type reserveCall struct {
	Queues []string `json:"queues"`
	Most   int      `json:"most,omitempty"`    // 1 if it is left out
	Wait   int64    `json:"wait_ms,omitempty"` // for the first job
	Hold   int64    `json:"hold_ms,omitempty"` // what each queue says if it is left out
	Poll   string   `json:"poll,omitempty"`    // a name by which it can be cancelled
}

// reserved is a delivery on its way.
type reserved struct {
	Job
	ID        string `json:"id"`
	Serial    uint64 `json:"serial,omitempty"`
	Partition string `json:"partition"`
	Token     uint64 `json:"token"`
	Attempt   int    `json:"attempt"`
	Of        int    `json:"of"` // attempts
	Hold      int64  `json:"hold_ms"`
	LastError string `json:"last_error,omitempty"`
}

type reserveAnswer struct {
	Jobs []reserved `json:"jobs"`
	More bool       `json:"more,omitempty"` // others are ready
}

type cancelCall struct {
	Poll string `json:"poll"`
}

// settling is what is to be done with a reservation.
type settling struct {
	Verb      string  `json:"verb,omitempty"` // done, fail, release or heartbeat; of /v1/settle only
	Queue     string  `json:"queue"`
	Partition string  `json:"partition"`
	ID        string  `json:"id"`
	Token     uint64  `json:"token"`
	Hold      int64   `json:"hold_ms,omitempty"` // of a heartbeat
	Why       string  `json:"why,omitempty"`     // of a failure
	Effect    *Effect `json:"effect,omitempty"`  // of what is done
	// Changes are If and Then of the effect as the store writes them, from our own client: JSON has no texts for keys that
	// are no UTF-8, as those of other tiers' rows are.
	Changes []byte `json:"changes,omitempty"`
}

// pack puts an effect into a request.
func (s *settling) pack(e *Effect) error {
	if e = e.orNone(); e == nil {
		return nil
	}
	var w codec.Writer
	err := api.WriteTxn(&w, &api.Txn{If: e.If, Then: e.Then})
	s.Effect, s.Changes = &Effect{Jobs: e.Jobs}, w
	return err
}

// effect returns the effect, of whose parts each came in one way or the other.
func (s *settling) effect() (*Effect, error) {
	if len(s.Changes) == 0 {
		return s.Effect, nil
	}
	r := codec.NewReader(s.Changes)
	t := api.ReadTxn(r)
	if err := r.Done(); err != nil || len(t.Else) > 0 {
		return nil, api.Errorf(api.BadRequest, "read the effect", "", "its changes make no sense")
	}
	e := &Effect{If: t.If, Then: t.Then}
	if s.Effect != nil {
		e.If, e.Then, e.Jobs = append(e.If, s.Effect.If...), append(e.Then, s.Effect.Then...), s.Effect.Jobs
	}
	return e, nil
}

func (s *settling) ticket() ticket {
	return ticket{place{s.Partition, s.Queue, s.ID}, s.Token}
}

type settleCall struct {
	Reservations []settling `json:"reservations"`
}

// settled is what came of it.
type settled struct {
	Error *api.Error `json:"error,omitempty"`
}

type settleAnswer struct {
	Reservations []settled `json:"reservations"`
}

// DeadJob is a job that failed for good.
type DeadJob struct {
	Partition string `json:"partition"`
	ID        string `json:"id"` // of the dead one: the job's, and what its last change was
	Job
	Attempt    int    `json:"attempt"`
	LastError  string `json:"last_error,omitempty"`
	Died       int64  `json:"died_ms"`              // by the clock of the server that saw it, ms since 1970
	Unreadable bool   `json:"unreadable,omitempty"` // and nothing else of it is known: it can only be discarded
}

type deadAnswer struct {
	Dead  []DeadJob `json:"dead"`
	After string    `json:"after,omitempty"` // where to go on, if there is more
}

// deadCall names dead jobs: some of a queue, or all, from a place on.
type deadCall struct {
	Queue string    `json:"queue"`
	All   bool      `json:"all,omitempty"`
	After string    `json:"after,omitempty"`
	Dead  []deadRef `json:"dead,omitempty"`
}

type deadRef struct {
	Partition string `json:"partition"`
	ID        string `json:"id"`
}

type movedAnswer struct {
	Moved int    `json:"moved"`
	After string `json:"after,omitempty"` // of all, where to go on: there are others
}

// knownQueue is where a queue's jobs lie.
type knownQueue struct {
	Queue      string `json:"queue"`
	Namespace  string `json:"namespace"`
	Partitions int    `json:"partitions"`
}

type queuesAnswer struct {
	Queues []knownQueue `json:"queues"`
}

type queueCall struct {
	Queue string `json:"queue"`
}

// Stats is what a server knows of a queue: of the partitions that it looks after.
type Stats struct {
	Queue      string `json:"queue"`
	Partitions int    `json:"partitions"`
	Counted    bool   `json:"counted"` // all rows have been, so the next four are right
	Ready      int    `json:"ready"`
	Asleep     int    `json:"asleep"`
	Reserved   int    `json:"reserved"`
	Dead       int    `json:"dead"`
	OldestMS   int64  `json:"oldest_ms"` // since the oldest ready job was seen to be ready by this server
	Paused     bool   `json:"paused"`
	Waiting    int    `json:"waiting"` // requests for jobs that wait
}

type statsAnswer struct {
	Queues []Stats `json:"queues"`
}

// NamedSchedule is a schedule with its name.
type NamedSchedule struct {
	Name string `json:"name"`
	Schedule
}

type schedulesAnswer struct {
	Schedules []NamedSchedule `json:"schedules"`
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// validHold says what is wrong with a hold, ms; 0 is for what the queue says.
func validHold(hold int64) error {
	if hold != 0 && (hold < leastHold.Milliseconds() || hold > MaxHold.Milliseconds()) {
		return api.Errorf(api.BadRequest, "reserve", "", "a hold is %d to %d ms, not %d", leastHold.Milliseconds(), MaxHold.Milliseconds(), hold)
	}
	return nil
}
