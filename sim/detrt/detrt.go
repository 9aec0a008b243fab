// Package detrt is a program's way to the deterministic runtime that it was built with. The
// runtime itself is an overlay over the standard library, written by package overlay.
//
// Invariant: a program behaves as an ordinary one unless On says that it runs on a simulated
// machine; then it has one thread, and its time, mail and randomness come from the simulator.
package detrt
