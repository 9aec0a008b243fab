//go:build !detrt

package detrt

import (
	"time"
	"unsafe"
)

// Built tells whether this program was built with the overlay.
const Built = false

// On tells whether this process runs on a simulated machine.
func On() bool { return false }

// Block returns the block that this process shares with the kernel: none.
func Block() unsafe.Pointer { return nil }

// MailWait has no mail to wait for.
func MailWait() { select {} }

// Charge adds nothing: a real CPU charges by itself.
func Charge(time.Duration) {}

// Yield has no kernel to yield to.
func Yield() {}
