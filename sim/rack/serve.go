package rack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"syscall"
	"time"

	"periph.io/x/conn/v3/gpio"

	"picloud/hw"
	"picloud/sim/channel"
)

// Handle answers a process that asks something of the board.
func (b *Board) Handle(g channel.Guest, f channel.Frame) {
	b.advance()
	reply, err := b.serve(g.PID(), &f)
	reply.Class, reply.Op, reply.ID = channel.ClassBoard, channel.OpReply, f.ID
	if err != nil {
		reply.Err, reply.Data = number(err), []byte(cause(err).Error())
	}
	g.Post(reply)
	b.settle()
}

// Gone says that a process ended: the kernel takes back the pins that it had, which may stay as they are (twin.Config.StrictPins). The watchdog
// that it had runs on, as that is what it is for.
func (b *Board) Gone(g channel.Guest) {
	var had []string
	for name, owner := range b.pinOf {
		if owner == g.PID() {
			had = append(had, name)
		}
	}
	if b.dogOf == g.PID() {
		b.dogOf = 0
	}
	if len(had) == 0 {
		return
	}
	slices.Sort(had)
	b.advance()
	for _, name := range had {
		delete(b.pinOf, name)
		if p, err := b.parts.Pin(name); err == nil && b.strict {
			_ = p.In(p.DefaultPull(), gpio.NoEdge) // a board that does not run has let go of it
		}
	}
	b.settle()
}

// number returns the error number that stands for an error's kind on the channel.
func number(err error) syscall.Errno {
	e, _ := errors.AsType[*hw.Error](err)
	switch {
	case e != nil && e.Kind == hw.Absent:
		return syscall.ENODEV
	case e != nil && e.Kind == hw.Invalid:
		return syscall.EINVAL
	}
	return syscall.EIO
}

// cause returns what stands behind an error of the board, whose kind and place the other end adds again.
func cause(err error) error {
	if e, is := errors.AsType[*hw.Error](err); is && e.Err != nil {
		return e.Err
	}
	return err
}

// busy says that another process has what one asks for.
func busy(doing, what string) error {
	return &hw.Error{Kind: hw.Failed, Doing: doing, What: what, Err: syscall.EBUSY}
}

func (b *Board) serve(pid uint64, f *channel.Frame) (channel.Frame, error) {
	switch name, rest := split(f.Data); f.Op {
	case channel.BoardRead:
		data, err := b.parts.ReadFile(name)
		return channel.Frame{Data: data}, err
	case channel.BoardWrite:
		return channel.Frame{}, b.parts.WriteFile(name, rest)
	case channel.BoardGlob:
		paths, err := b.parts.Glob(name)
		var data []byte
		for _, path := range paths {
			data = append(append(data, path...), 0)
		}
		return channel.Frame{Data: data}, err
	case channel.BoardProperty:
		return b.property(f.Data)
	case channel.BoardBus:
		_, err := b.parts.Bus(name)
		return channel.Frame{}, err
	case channel.BoardTransfer:
		bus, err := b.parts.Bus(name)
		if err != nil {
			return channel.Frame{}, err
		}
		read := make([]byte, min(max(f.B, 0), channel.MaxData))
		err = bus.Tx(uint16(f.A), rest, read)
		return channel.Frame{Data: read}, err
	case channel.BoardPin:
		return b.pin(pid, name, f.A, f.B)
	case channel.BoardWatchdog:
		return b.watch(pid, f.A, time.Duration(f.B))
	case channel.BoardHalt:
		return channel.Frame{}, b.parts.Halt()
	}
	return channel.Frame{}, &hw.Error{Kind: hw.Invalid, Doing: "ask", What: "the board", Err: errors.New("unknown operation")}
}

// split separates a name from what follows it.
func split(data []byte) (name string, rest []byte) {
	first, rest, _ := bytes.Cut(data, []byte{0})
	return string(first), slices.Clone(rest)
}

func (b *Board) property(data []byte) (channel.Frame, error) {
	message := make([]uint32, len(data)/4)
	for i := range message {
		message[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	err := b.parts.Property(message)
	answer := make([]byte, 0, len(data))
	for _, word := range message {
		answer = binary.LittleEndian.AppendUint32(answer, word)
	}
	return channel.Frame{Data: answer}, err
}

func (b *Board) pin(pid uint64, name string, request, argument int64) (channel.Frame, error) {
	p, err := b.parts.Pin(name)
	if err != nil {
		return channel.Frame{}, err
	}
	if request == channel.PinNumber {
		return channel.Frame{A: int64(p.Number())}, nil
	}
	if owner := b.pinOf[name]; owner != 0 && owner != pid {
		return channel.Frame{}, busy("use", name)
	}
	b.pinOf[name] = pid
	switch request {
	case channel.PinOut:
		return channel.Frame{}, p.Out(argument != 0)
	case channel.PinIn:
		return channel.Frame{}, p.In(gpio.Pull(argument), gpio.NoEdge)
	}
	level := int64(0)
	if p.Read() {
		level = 1
	}
	return channel.Frame{A: level}, nil
}

func (b *Board) watch(pid uint64, request int64, d time.Duration) (channel.Frame, error) {
	if request == channel.WatchdogOpen {
		return channel.Frame{}, b.openDog(pid)
	}
	if b.dogOf != pid {
		return channel.Frame{}, &hw.Error{Kind: hw.Invalid, Doing: "ask", What: "the watchdog", Err: errors.New("it is not open")}
	}
	switch request {
	case channel.WatchdogTimeout:
		d, err := b.dog.SetTimeout(d)
		return channel.Frame{B: int64(d)}, err
	case channel.WatchdogFeed:
		return channel.Frame{}, b.dog.Feed()
	}
	err := b.dog.Disarm()
	if err == nil {
		b.dogOf = 0
	}
	return channel.Frame{}, err
}

// openDog gives a process the watchdog, which feeds it. The twin knows no processes: to it, one that runs on since its process ended was never closed.
func (b *Board) openDog(pid uint64) error {
	if b.dogOf != 0 {
		return busy("open", "the watchdog")
	}
	if b.dog == nil || b.dog.Feed() != nil {
		dog, err := b.parts.OpenWatchdog()
		if err != nil {
			return err
		}
		b.dog = dog
	}
	b.dogOf = pid
	return nil
}
