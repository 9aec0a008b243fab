//go:build race

package simtest

// Race tells whether this is a build with the race detector.
const Race = true
