package channel

// The operations of ClassBoard: what hw.Parts can do. All are calls. Where a text follows another in Data, a zero byte stands
// between. What went wrong stands in the reply: Err ENODEV where the board has no such part, EINVAL where the request makes no
// sense, EIO where the part failed; Data says it in words.
const (
	// BoardRead has a path in Data; the reply's Data is what the file holds.
	BoardRead uint8 = iota + 1
	// BoardWrite has a path and what is written in Data.
	BoardWrite
	// BoardGlob has a pattern in Data; the reply's Data is the paths, each followed by a zero byte.
	BoardGlob
	// BoardProperty has a message to the firmware in Data, 32 bits a word with the lowest byte first; the reply's Data is the answer.
	BoardProperty
	// BoardBus has the number of a bus in Data: is it there?
	BoardBus
	// BoardTransfer has an address in A, how many bytes to read in B, and the number of the bus and what is written in Data; the
	// reply's Data is what was read.
	BoardTransfer
	// BoardPin has a PinRequest in A, its argument in B and a pin's name in Data; the reply's A is a level, or the pin's number.
	BoardPin
	// BoardWatchdog has a WatchdogRequest in A and a time in B, ns; the reply's B is the timeout, ns.
	BoardWatchdog
	// BoardHalt turns the machine off.
	BoardHalt
)

// What BoardPin asks for.
const (
	PinNumber int64 = iota // is it there?
	PinOut                 // drive it to level B
	PinIn                  // let go of it, with pull B as gpio.Pull counts them
	PinRead                // its level
)

// What BoardWatchdog asks for.
const (
	WatchdogOpen int64 = iota
	WatchdogTimeout
	WatchdogFeed
	WatchdogDisarm
)
