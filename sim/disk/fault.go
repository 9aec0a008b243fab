package disk

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"
)

// Kind is a kind of fault of a card.
type Kind uint8

// The kinds of fault. "Strikes" means: up to Times times, each time with the chance PPM.
const (
	SyncFail         Kind = iota + 1 // a sync strikes EIO and forgets its writes: the next falsely succeeds
	SyncLie                          // a sync succeeds and makes nothing durable
	ReadError                        // an uncached read of From to To strikes EIO
	Rot                              // flips Bits bits of the medium between From and To, at once
	CorruptRead                      // an uncached read strikes with Bits bits flipped; read again, it is right
	ShortRead                        // an uncached read strikes with fewer bytes than asked for
	MisdirectedWrite                 // a write strikes another place of the medium, not its own
	MisdirectedRead                  // an uncached page strikes with what another place holds
	LostWrite                        // a write strikes: said to be durable, never carried out
	Full                             // no free bytes: ENOSPC
	Inodes                           // no free inodes: ENOSPC
	Descriptors                      // no free descriptor: EMFILE
	ReadOnly                         // mounted read-only: EROFS
	Slow                             // the device takes Factor times as long
	Stall                            // the device completes nothing
	Cliff                            // the device takes After bytes, and then Factor times as long to write
	Gone                             // the card is not there: EIO
	Evict                            // drops the clean pages from the cache, at once
	endKind
)

func kindNames() [endKind]string {
	return [endKind]string{
		SyncFail: "disk-fsync-fail", SyncLie: "disk-fsync-lie", ReadError: "disk-read-error",
		Rot: "disk-rot", CorruptRead: "disk-corrupt-read", ShortRead: "disk-short-read",
		MisdirectedWrite: "disk-misdirected-write", MisdirectedRead: "disk-misdirected-read",
		LostWrite: "disk-lost-write", Full: "disk-full", Inodes: "disk-inodes",
		ReadOnly: "disk-readonly", Slow: "disk-slow", Stall: "disk-stall", Gone: "disk-gone",
		Evict: "disk-evict", Cliff: "disk-cliff", Descriptors: "fd-limit",
	}
}

// String returns the kind's name in the fault catalogue.
func (k Kind) String() string {
	if k == 0 || k >= endKind {
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
	return kindNames()[k]
}

// ParseKind returns the kind of a name in the fault catalogue.
func ParseKind(name string) (Kind, error) {
	names := kindNames()
	if i := slices.Index(names[:], name); i > 0 {
		return Kind(i), nil
	}
	return 0, fmt.Errorf("disk: unknown kind of fault %q", name)
}

// Fault is a fault of a card. The fields that the kind does not name must be zero.
type Fault struct {
	Kind   Kind
	Path   string // a pattern as path.Match has it, of whole paths or, without a slash, of last names; empty: all
	Times  int    // 0: until healed
	PPM    int    // chance in a million; 0: always
	From   int64  // bytes
	To     int64  // bytes; 0: the end of the file
	Bits   int    // 1 to 32; 0: 1
	Factor int    // at least 2
	After  int64  // bytes
}

// Validate reports the first bad value in one sentence.
func (f Fault) Validate() error {
	if f.Kind == 0 || f.Kind >= endKind {
		return fmt.Errorf("disk: unknown kind of fault %d", f.Kind)
	}
	_, badPattern := path.Match(f.Path, "")
	strikes := f.Kind <= LostWrite && f.Kind != Rot
	onFile := f.Kind <= LostWrite || f.Kind == Evict
	onRange := f.Kind == ReadError || f.Kind == Rot
	flips := f.Kind == Rot || f.Kind == CorruptRead
	for _, rule := range []struct {
		bad  bool
		what string
	}{
		{f.Path != "" && !onFile, "concerns the whole card and takes no path"},
		{badPattern != nil, "has a malformed path pattern"},
		{f.Times != 0 && !strikes || f.Times < 0, "has a bad number of times"},
		{f.PPM != 0 && !strikes || f.PPM < 0 || f.PPM > 1_000_000, "has a chance that is not in a million"},
		{(f.From != 0 || f.To != 0) && !onRange || f.From < 0 || f.To < 0 || f.To > 0 && f.To <= f.From, "has a bad range"},
		{f.Bits != 0 && !flips || f.Bits < 0 || f.Bits > 32, "has a bad number of bits (1 to 32)"},
		{(f.Kind == Slow || f.Kind == Cliff) != (f.Factor >= 2) || f.Factor < 0, "has a bad factor (disk-slow and disk-cliff take one of at least 2)"},
		{f.After != 0 && f.Kind != Cliff || f.After < 0, "has a bad number of bytes that come before"},
	} {
		if rule.bad {
			return fmt.Errorf("disk: fault %s %s", f.Kind, rule.what)
		}
	}
	return nil
}

// Active is a fault in force.
type Active struct {
	Fault
	card *Card
	rng  *rand.Rand
	left int   // strikes, when Times is not 0
	room int64 // bytes that a card takes before its cliff
	felt int64
}

// Felt returns how often the fault has changed what a process or the medium got.
func (f *Active) Felt() int64 { return f.felt }

// faults are those in force, oldest first, and the calls that wait for a stalled device.
type faults struct {
	active []*Active
	count  [endKind]int
	held   []heldCall
}

func (fs *faults) has(k Kind) bool { return fs.count[k] > 0 }

func (fs *faults) first(k Kind) *Active {
	if fs.count[k] > 0 {
		for _, f := range fs.active {
			if f.Kind == k {
				return f
			}
		}
	}
	return nil
}

func (fs *faults) feel(k Kind) {
	if f := fs.first(k); f != nil {
		f.felt++
	}
}

// strike returns the fault of a kind that strikes a file now, and counts it.
func (fs *faults) strike(k Kind, ino *inode, fits func(*Active) bool) *Active {
	if fs.count[k] == 0 {
		return nil
	}
	for _, f := range fs.active {
		if f.Kind != k || !f.matches(ino) || fits != nil && !fits(f) {
			continue
		}
		if f.Times > 0 && f.left == 0 || f.PPM > 0 && f.rng.IntN(1_000_000) >= f.PPM {
			continue
		}
		f.left--
		f.felt++
		return f
	}
	return nil
}

// matches tells whether the fault concerns a file.
func (f *Active) matches(ino *inode) bool {
	if f.Path == "" {
		return true
	}
	name := ino.path
	if !strings.Contains(f.Path, "/") {
		name = path.Base(name)
	}
	ok, _ := path.Match(f.Path, name)
	return ok
}

// Apply puts a fault in force. Its random stream is its own: it depends on the card, the kind and
// the time, and on no other fault.
func (c *Card) Apply(f Fault) (*Active, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	if f.Bits == 0 {
		f.Bits = 1
	}
	stream := fmt.Sprintf("disk/%s/%s@%d", c.name, f.Kind, c.loop.Now())
	a := &Active{Fault: f, card: c, rng: c.loop.Stream(stream), left: f.Times, room: f.After}
	if f.Kind == Slow || f.Kind == Stall {
		a.felt += int64(len(c.dev.queue))
		c.dev.stop() // and on at another speed
		defer c.dev.start()
	}
	c.faults.active = append(c.faults.active, a)
	c.faults.count[f.Kind]++
	switch f.Kind {
	case Rot:
		c.rot(a)
	case Evict:
		a.felt = c.cache.evict(a.matches)
	case Gone:
		c.dev.fail()
	}
	c.publish()
	return a, nil
}

// Heal ends the fault. What it has done to the medium stays. Healing twice does nothing.
func (f *Active) Heal() {
	c := f.card
	i := slices.Index(c.faults.active, f)
	if i < 0 {
		return
	}
	if f.Kind == Slow {
		c.dev.stop()
		defer c.dev.start()
	}
	c.faults.active = slices.Delete(c.faults.active, i, i+1)
	c.faults.count[f.Kind]--
	c.publish()
	if f.Kind == Stall && !c.faults.has(Stall) {
		held := c.faults.held
		c.faults.held = nil
		c.dev.start()
		for _, h := range held {
			c.Handle(h.guest, h.frame)
		}
	}
}

// failSync ends a sync of pending operations: well, unless a fault has it otherwise.
func (c *Card) failSync(r *request) syscall.Errno {
	if c.faults.has(ReadOnly) {
		c.faults.feel(ReadOnly)
		return syscall.EROFS
	}
	if c.faults.strike(SyncFail, r.ino, nil) != nil {
		c.forget(r.ino, r.seq)
		return syscall.EIO
	}
	if c.faults.strike(SyncLie, r.ino, nil) == nil {
		c.settle(r.ino, r.seq)
	}
	return 0
}
