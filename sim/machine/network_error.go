package machine

import (
	"context"
	"os"
	"syscall"
)

// syscallError wraps an error as the net package does, so that libraries recognise it.
func syscallError(call string, errno syscall.Errno) error {
	return os.NewSyscallError(call, errno)
}

// contextError is what the net package makes of a context's end while it dials.
func contextError(err error) error {
	switch err {
	case context.Canceled:
		return canceledError{}
	case context.DeadlineExceeded:
		return timeoutError{}
	}
	return err
}

type canceledError struct{}

func (canceledError) Error() string        { return "operation was canceled" }
func (canceledError) Is(target error) bool { return target == context.Canceled }

type timeoutError struct{}

func (timeoutError) Error() string        { return "i/o timeout" }
func (timeoutError) Timeout() bool        { return true }
func (timeoutError) Temporary() bool      { return true }
func (timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }
