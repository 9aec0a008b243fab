//go:build detrt

package detrt

import (
	"time"
	"unsafe"
)

// Built tells whether this program was built with the overlay.
const Built = true

// On tells whether this process runs on a simulated machine.
func On() bool { return on() }

// Block returns the block that this process shares with the kernel.
func Block() unsafe.Pointer { return block() }

// MailWait parks the calling goroutine, of which there is one, until there is mail.
func MailWait() { mailWait() }

// Charge adds CPU time that the program would have used on a Pi beyond what it uses here.
func Charge(d time.Duration) { charge(uint64(max(d, 0))) }

// Yield gives the turn to the kernel before the running goroutine goes on.
func Yield() { yield() }

// The runtime pushes these; without the overlay the link fails here.

//go:linkname on
func on() bool

//go:linkname block
func block() unsafe.Pointer

//go:linkname mailWait
func mailWait()

//go:linkname charge
func charge(ns uint64)

//go:linkname yield
func yield()
