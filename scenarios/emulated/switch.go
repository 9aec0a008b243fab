package emulated

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
)

// mostFrame is more than the largest frame that QEMU sends (its NET_BUFSIZE).
const mostFrame = 4096 + 65536

// Switch is a network switch for the emulated Pis: it learns behind which cable an address is. QEMU connects to it by
// "-netdev socket,connect=", and each frame has its length in four bytes, the highest first, before it. A cable can be cut.
type Switch struct {
	listener net.Listener
	all      sync.WaitGroup

	mu     sync.Mutex
	cables []*cable       // that are plugged in
	behind map[mac]*cable // where frames for an address go
	cut    map[mac]bool   // the machines whose cables are cut, by their address
	lost   int            // frames
	closed bool
}

// mac is an Ethernet address without its first byte: versions of QEMU differ in what they make of that.
type mac [5]byte

type cable struct {
	conn net.Conn
	mu   sync.Mutex // of writes
}

// NewSwitch returns a switch that listens on a free port of 127.0.0.1.
func NewSwitch() (*Switch, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("emulated: listen for cables: %w", err)
	}
	s := &Switch{listener: l, behind: map[mac]*cable{}, cut: map[mac]bool{}}
	s.all.Go(s.accept)
	return s, nil
}

// Address is where cables are plugged in.
func (s *Switch) Address() string { return s.listener.Addr().String() }

// Close takes all cables out.
func (s *Switch) Close() error {
	err := s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for _, c := range s.cables {
		c.conn.Close()
	}
	s.mu.Unlock()
	s.all.Wait()
	return err
}

// Cut cuts the cable of the machine with an address, or mends it. Frames that come meanwhile are lost.
func (s *Switch) Cut(address net.HardwareAddr, cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut[mac(address[1:])] = cut
}

// Lost returns how many frames were lost because the cable of their sender or their receiver was cut.
func (s *Switch) Lost() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

func (s *Switch) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return // it is closed
		}
		c := &cable{conn: conn}
		s.mu.Lock()
		s.cables = append(s.cables, c)
		if s.closed {
			conn.Close()
		}
		s.mu.Unlock()
		s.all.Go(func() { s.serve(c) })
	}
}

// serve forwards what comes from a cable until it is taken out.
func (s *Switch) serve(c *cable) {
	defer s.unplug(c)
	buffer := make([]byte, 4+mostFrame)
	for {
		if _, err := io.ReadFull(c.conn, buffer[:4]); err != nil {
			return
		}
		length := binary.BigEndian.Uint32(buffer)
		if length > mostFrame {
			return // no frame is that long: what follows could not be told from it
		}
		if _, err := io.ReadFull(c.conn, buffer[4:4+length]); err != nil {
			return
		}
		if length < 14 {
			continue // shorter than the head of a frame
		}
		for _, to := range s.forward(c, buffer[4:4+length]) {
			to.send(buffer[:4+length])
		}
	}
}

// forward says where a frame goes, and learns where its sender is.
func (s *Switch) forward(from *cable, frame []byte) []*cable {
	s.mu.Lock()
	defer s.mu.Unlock()
	sender, receiver := mac(frame[7:12]), mac(frame[1:6])
	s.behind[sender] = from
	if s.cut[sender] || s.cut[receiver] {
		s.lost++
		return nil
	}
	group := frame[0]&1 != 0
	if to := s.behind[receiver]; to != nil && !group {
		if to == from {
			return nil
		}
		return []*cable{to}
	}
	var all []*cable
	for _, to := range s.cables {
		if to != from && !s.cutOff(to) {
			all = append(all, to)
		}
	}
	return all
}

// cutOff tells whether a machine behind a cable has its cable cut.
func (s *Switch) cutOff(c *cable) bool {
	for address, behind := range s.behind {
		if behind == c && s.cut[address] {
			return true
		}
	}
	return false
}

func (s *Switch) unplug(c *cable) {
	c.conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cables = slices.DeleteFunc(s.cables, func(other *cable) bool { return other == c })
	for address, behind := range s.behind {
		if behind == c {
			delete(s.behind, address)
		}
	}
}

// send writes a frame with its length. One that cannot be written is lost; reading from the cable ends then, too.
func (c *cable) send(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.conn.Write(frame); err != nil {
		c.conn.Close()
	}
}
