package channel

import "net/netip"

// The operations of ClassNet. Streams, listeners and packet sockets have IDs that are unique in
// their process: the process chooses even ones for what it opens, the kernel odd ones for the
// streams that it accepts, so neither waits for the other to learn an ID. A frame for an ID that
// its receiver has closed is dropped there.
//
// Addresses travel packed: see PackAddr.
const (
	// NetListen is a call: A is the port, zero for any, B the ID of the listener. The reply has
	// the port in A; its Err is EADDRINUSE or EADDRNOTAVAIL.
	NetListen uint8 = iota + 1
	// NetUnlisten closes listener ID. Streams that were not taken are reset.
	NetUnlisten
	// NetAccepted says that stream ID was accepted from address A by listener B.
	NetAccepted
	// NetTaken says that the process took stream A from the queue of listener ID.
	NetTaken

	// NetDial opens stream ID to address A. The answer is NetConnected or NetReset.
	NetDial
	// NetConnected says that stream ID is open; A is its local port.
	NetConnected
	// NetData carries bytes of stream ID, either way.
	NetData
	// NetCredit says that A bytes of the send buffer of stream ID are free again.
	NetCredit
	// NetWant says that a writer waits for credit on stream ID: NetCredit should wake the process.
	NetWant
	// NetConsumed says that the process has read A bytes of stream ID since it was opened.
	NetConsumed
	// NetEOF says that the peer of stream ID sends no more.
	NetEOF
	// NetCloseWrite says that the process sends no more on stream ID.
	NetCloseWrite
	// NetClose closes stream ID, of which the process has read A bytes. What was written is still
	// sent, but bytes that were not read reset the stream.
	NetClose
	// NetAbort resets stream ID, or gives up its NetDial.
	NetAbort
	// NetReset says that stream ID is gone, Err says why.
	NetReset

	// NetPacketOpen is a call: A is the port, zero for any, B the ID of the socket. The reply has
	// the port in A; its Err is EADDRINUSE or EADDRNOTAVAIL.
	NetPacketOpen
	// NetPacketClose closes packet socket ID.
	NetPacketClose
	// NetPacket carries one packet of socket ID, either way; A is the address of the other end.
	NetPacket
	// NetPacketConsumed says that the process has read A bytes of packets since it opened ID.
	NetPacketConsumed
)

// SendBuffer is the credit in bytes that a stream starts with.
const SendBuffer = 256 << 10

// MaxPacket is the most bytes a packet may carry.
const MaxPacket = 65507

// PackAddr packs an IPv4 address and a port into the number that frames carry.
func PackAddr(a netip.AddrPort) int64 {
	b := a.Addr().As4()
	return int64(b[0])<<40 | int64(b[1])<<32 | int64(b[2])<<24 | int64(b[3])<<16 | int64(a.Port())
}

// UnpackAddr undoes PackAddr.
func UnpackAddr(n int64) netip.AddrPort {
	ip := netip.AddrFrom4([4]byte{byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16)})
	return netip.AddrPortFrom(ip, uint16(n))
}
