package lambda

import (
	"maps"
	"slices"
	"sync"

	"picloud/node/presence"
)

// name is what a function is found by.
type name struct{ queue, kind string }

// function is a function and what the node has of it under way. The lock of slots guards busy.
type function struct {
	Function
	ready   func() bool // nil for always
	metrics *functionMetrics
	busy    int // runs, and those that do not return
}

// able tells whether there is anybody who does the function's jobs.
func (f *function) able() bool { return f.ready == nil || f.ready() }

// slots says what there is room for. Only one goroutine takes, so room grows until it does.
type slots struct {
	limit     int // of the node
	functions map[name]*function

	mu        sync.Mutex
	wants     presence.Wants // what of the limit is used
	busy      int
	asked     []string      // the queues that are being asked for jobs
	interrupt func()        // ends the asking; nil while nobody is asked
	changed   chan struct{} // holds a token once there is more room
}

func newSlots(limit int) *slots {
	return &slots{limit: limit, functions: map[name]*function{}, changed: make(chan struct{}, 1)}
}

// ask returns which queues are to be asked, for how many jobs at most; none if there is room for none. Interrupt is called
// once another queue is to be asked as well, or one of them is not, as nobody does its jobs any more; until asked.
func (s *slots) ask(interrupt func()) (queues []string, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	queues, most = s.room()
	if most > 0 {
		s.asked, s.interrupt = queues, interrupt
	}
	return queues, most
}

func (s *slots) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.interrupt = nil, nil
}

// room returns the queues of which each function can run one more job, and how many jobs can be run of whatever kinds they are.
func (s *slots) room() (queues []string, most int) {
	least := map[string]int{}
	for n, f := range s.functions {
		free := f.AtOnce - f.busy
		if !f.able() {
			free = 0
		}
		if had, known := least[n.queue]; !known || free < had {
			least[n.queue] = free
		}
	}
	most = s.wants.Of(s.limit) - s.busy
	if s.wants.Draining {
		most = 0
	}
	for _, q := range slices.Sorted(maps.Keys(least)) {
		if least[q] > 0 && most > 0 {
			queues, most = append(queues, q), min(most, least[q])
		}
	}
	if len(queues) == 0 {
		most = 0
	}
	return queues, most
}

// take takes room for a run; f is nil for a job that no function does.
func (s *slots) take(f *function) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy++
	if f != nil {
		f.busy++
	}
}

func (s *slots) free(f *function) {
	s.mu.Lock()
	s.busy--
	if f != nil {
		f.busy--
	}
	s.mu.Unlock()
	s.grown()
}

// want bounds what of the room is used. Runs that are under way go on.
func (s *slots) want(w presence.Wants) {
	s.mu.Lock()
	s.wants = w
	interrupt := s.interrupt
	s.mu.Unlock()
	if interrupt != nil {
		interrupt() // it may be asked for fewer jobs, or for more
	}
	s.grown()
}

// grown is called when there may be more room than before, or others who do jobs.
func (s *slots) grown() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.interrupt == nil {
		return
	}
	queues, _ := s.room()
	more := slices.ContainsFunc(queues, func(q string) bool { return !slices.Contains(s.asked, q) })
	if more || slices.ContainsFunc(s.asked, s.forsaken) {
		s.interrupt()
	}
}

// forsaken tells whether a queue is one whose jobs nobody does now.
func (s *slots) forsaken(queue string) bool {
	for n, f := range s.functions {
		if n.queue == queue && !f.able() {
			return true
		}
	}
	return false
}
