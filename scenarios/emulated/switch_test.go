package emulated

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// computer is one that is plugged into a switch.
type computer struct {
	t       *testing.T
	conn    net.Conn
	address net.HardwareAddr
}

func plugIn(t *testing.T, s *Switch, number byte) *computer {
	conn, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &computer{t, conn, net.HardwareAddr{0x52, 0x54, 0, 0, 2, number}}
}

var everybody = net.HardwareAddr{255, 255, 255, 255, 255, 255}

func (c *computer) send(to net.HardwareAddr, text string) {
	c.t.Helper()
	frame := append(append(append([]byte{}, to...), c.address...), 0x88, 0xb5) // of a kind for experiments (IEEE 802)
	frame = append(frame, text...)
	if _, err := c.conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)); err != nil {
		c.t.Fatal(err)
	}
}

// gets checks what comes next.
func (c *computer) gets(want string) {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(time.Minute))
	head := make([]byte, 4)
	_, err := io.ReadFull(c.conn, head)
	frame := make([]byte, binary.BigEndian.Uint32(head))
	if err == nil {
		_, err = io.ReadFull(c.conn, frame)
	}
	if err != nil || string(frame[14:]) != want {
		c.t.Fatalf("%s got %q (%v), want %q", c.address, frame, err, want)
	}
}

// met returns a switch on which three computers have made themselves known.
func met(t *testing.T) (s *Switch, one, two, three *computer) {
	s, err := NewSwitch()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	all := []*computer{plugIn(t, s, 1), plugIn(t, s, 2), plugIn(t, s, 3)}
	for plugged := 0; plugged < len(all); { // what is sent to a cable that is not yet plugged in is lost
		s.mu.Lock()
		plugged = len(s.cables)
		s.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	for _, c := range all {
		c.send(everybody, "here")
		for _, other := range all {
			if other != c {
				other.gets("here")
			}
		}
	}
	return s, all[0], all[1], all[2]
}

func TestASwitchSendsWhereTheReceiverIs(t *testing.T) {
	_, one, two, three := met(t)
	one.send(two.address, "to two")
	one.send(everybody, "to all")
	two.gets("to two")
	two.gets("to all")
	three.gets("to all") // and not "to two" before it
	odd := append(net.HardwareAddr{0x40}, two.address[1:]...)
	three.send(odd, "whatever the first byte is")
	two.gets("whatever the first byte is")
}

func TestFramesAreLostOnACutCable(t *testing.T) {
	s, one, two, three := met(t)
	s.Cut(two.address, true)
	one.send(two.address, "lost")
	two.send(one.address, "lost")
	two.send(everybody, "lost")
	one.send(everybody, "to all")
	three.gets("to all")
	for s.Lost() < 3 {
		time.Sleep(time.Millisecond)
	}
	s.Cut(two.address, false)
	two.send(everybody, "mended")
	one.gets("mended")
	three.gets("mended")
	one.send(two.address, "welcome")
	two.gets("welcome")
}

func TestASwitchOutlivesWhoLeavesAndWhoBabbles(t *testing.T) {
	s, one, two, three := met(t)
	two.conn.Write(binary.BigEndian.AppendUint32(nil, mostFrame+1))
	three.conn.Close()
	if _, err := two.conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a cable with frames of any length is still plugged in: %v", err)
	}
	again := plugIn(t, s, 3)
	again.send(one.address, "back")
	one.gets("back")
	one.send(again.address, "welcome")
	again.gets("welcome")
}
