package storetest

import (
	"slices"
	"testing"
)

// Scope is a part of a test that ends before it, such as one of many runs.
type Scope struct {
	testing.TB
	ends []func()
}

// Cleanup has a function called at the end of the part.
func (s *Scope) Cleanup(f func()) { s.ends = append(s.ends, f) }

// End ends the part.
func (s *Scope) End() {
	for _, f := range slices.Backward(s.ends) {
		f()
	}
}
