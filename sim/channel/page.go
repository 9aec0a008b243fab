package channel

// The shared block begins with a page of 64-bit words. Process and kernel agree on them by the
// constants below; the overlay of the Go runtime is written from the same constants.

// Word is the offset of a word in the page, in bytes.
type Word uintptr

// Words that the kernel writes before it gives the turn.
const (
	Turn         Word = 0   // whose turn it is: TurnKernel or TurnProcess; a futex, 32 bits
	Clock        Word = 8   // the process's monotonic clock, ns
	Wall         Word = 16  // its wall clock less its monotonic clock, ns
	InBytes      Word = 24  // bytes of frames in the area In; the process clears it when it has taken them
	Seed         Word = 32  // of the scheduler, of the process's random numbers and of its hashes
	Explore      Word = 40  // 1: the seed picks the next runnable goroutine; 0: first in, first out
	PreemptEvery Word = 48  // mean number of allocations between preemptions; 0: never
	SliceCost    Word = 56  // CPU time of one run of a goroutine, ns
	AllocCost    Word = 64  // CPU time of allocating 1 KiB, ns
	Quantum      Word = 72  // CPU time after which a process that is still busy hands over, ns
	WrongHash    Word = 80  // 0, or how this CPU computes SHA-256 wrongly: see WrongHashRule
	DiskFree     Word = 88  // free bytes of the disk
	DiskFlags    Word = 96  // state of the disk, see DiskState
	Confined     Word = 104 // 1: system calls outside the list end the process
	PID          Word = 112 // the process's number in the run
	CPUBusy      Word = 120 // core time that its machine has used, ns
	MemoryUsed   Word = 128 // bytes that the processes of its machine hold
	MemoryLimit  Word = 136 // bytes that they may hold; 0: no limit
	Cores        Word = 144 // of its machine
)

// Words that the process writes before it gives the turn back.
const (
	NextTimer Word = 256 // when its next timer is due on its monotonic clock, ns; 0: none
	Runnable  Word = 264 // goroutines that could still run: it gave up its turn for time's sake
	OutBytes  Word = 272 // bytes of frames in the area Out; the kernel clears it
	Slices    Word = 280 // times a goroutine was picked, since the start
	Allocated Word = 288 // bytes allocated, since the start
	HeapLive  Word = 296 // bytes of heap in use or not yet collected
	Charged   Word = 304 // explicit charges of CPU time since the start, ns
	Exited    Word = 312 // 1 + exit status, once the process has decided to end
	Lied      Word = 320 // wrong hashes computed, since the start
	Draws     Word = 328 // numbers drawn from the scheduler's stream, since the start
	OnCore    Word = 336 // 1 + the core that its next turns are to run on; 0: whichever is free
)

// Values of the word Turn.
const (
	TurnKernel  = 1
	TurnProcess = 2
)

// Layout of the shared block.
const (
	PageBytes = 4096
	AreaBytes = 1 << 20
	In        = PageBytes             // frames for the process
	Out       = PageBytes + AreaBytes // frames for the kernel
	Bytes     = PageBytes + 2*AreaBytes
)

// BlockFD is the descriptor under which a process finds its shared block, and EnvMachine the
// variable whose presence says that there is one.
const (
	BlockFD    = 3
	EnvMachine = "PICLOUD_MACHINE"
)

// Names lists the words by the name that the runtime's overlay gives them.
func Names() []struct {
	Name string
	Word Word
} {
	return []struct {
		Name string
		Word Word
	}{
		{"Turn", Turn}, {"Clock", Clock}, {"Wall", Wall}, {"InBytes", InBytes}, {"Seed", Seed},
		{"Explore", Explore}, {"PreemptEvery", PreemptEvery}, {"SliceCost", SliceCost},
		{"AllocCost", AllocCost}, {"Quantum", Quantum}, {"WrongHash", WrongHash}, {"Confined", Confined},
		{"PID", PID},
		{"NextTimer", NextTimer}, {"Runnable", Runnable}, {"OutBytes", OutBytes}, {"Slices", Slices},
		{"Allocated", Allocated}, {"HeapLive", HeapLive}, {"Charged", Charged}, {"Exited", Exited},
		{"Lied", Lied}, {"Draws", Draws},
	}
}

// WrongHashRule says which SHA-256 blocks a lying CPU gets wrong: those whose first byte, masked,
// equals Match; which bit of the state it flips (0 to 255); and on which cores, bit i standing for
// core i. No bit stands for all of them.
type WrongHashRule struct {
	Mask, Match, Bit byte
	Cores            uint64
}

// On tells whether the rule holds on a core.
func (r WrongHashRule) On(core int) bool { return r.Cores == 0 || r.Cores>>core&1 != 0 }

// Word packs the rule, but for the cores, so that zero means a healthy core.
func (r WrongHashRule) Word() uint64 {
	return 1<<63 | uint64(r.Mask)<<16 | uint64(r.Match)<<8 | uint64(r.Bit)
}
