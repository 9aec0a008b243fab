package load

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// Span says what is measured, and for how long.
type Span struct {
	Processes []int         // of all servers
	Warm      time.Duration // before it is measured
	Measure   time.Duration
}

// Work is what one loop does.
type Work interface {
	// Next makes a request. It says whether that reads, and how many bytes were acknowledged if it writes. An error that is
	// ErrWrong ends the run, any other one is counted.
	Next(ctx context.Context) (read bool, acked int, err error)
}

// ErrWrong says that the servers gave back something else than was put.
var ErrWrong = errors.New("something else was read than was put")

// Main is a program that loads servers: its configuration comes on standard input, a Result goes to standard output, both as
// JSON.
func Main[C any](ctx context.Context, run func(context.Context, C) (*Result, error)) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c C
	if err := json.NewDecoder(os.Stdin).Decode(&c); err != nil {
		return fmt.Errorf("load: read the configuration: %w", err)
	}
	result, err := run(ctx, c)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// readyLimit is how long servers may take until they serve.
const readyLimit = time.Minute

// Ready tries something until it succeeds: then the servers serve.
func Ready(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("load: wait until the servers serve: %w", errors.Join(context.Cause(ctx), err))
		}
	}
}

// Measure lets loops work, and measures.
func Measure(ctx context.Context, s Span, works []Work) (*Result, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	began := time.Now()
	loops, wrong := make([]loop, len(works)), make([]error, len(works))
	var all sync.WaitGroup
	for i := range loops {
		l := &loops[i]
		*l = loop{work: works[i], began: began}
		all.Go(func() {
			if wrong[i] = l.run(ctx); wrong[i] != nil {
				stop(wrong[i])
			}
		})
	}
	w, err := watch(ctx, &s, began)
	if err != nil {
		stop(err)
	}
	stop(nil)
	all.Wait()
	if err := cmp.Or(append(wrong, err)...); err != nil {
		return nil, err
	}
	return w.result(loops), nil
}

// loop makes one request after another.
type loop struct {
	work   Work
	began  time.Time
	done   []request
	failed []time.Duration // when requests failed
	why    error           // the last of them
}

// request is one that was answered.
type request struct {
	read  bool
	acked int
	at    time.Duration // when it was answered
	took  time.Duration
}

// run goes on until the context ends. An error is a defect of the servers.
func (l *loop) run(ctx context.Context) error {
	for ctx.Err() == nil {
		before := time.Now()
		read, acked, err := l.work.Next(ctx)
		now := time.Now()
		switch {
		case errors.Is(err, ErrWrong):
			return err
		case err == nil:
			l.done = append(l.done, request{read, acked, now.Sub(l.began), now.Sub(before)})
		case ctx.Err() == nil:
			l.failed, l.why = append(l.failed, now.Sub(l.began)), err
		}
	}
	return nil
}
