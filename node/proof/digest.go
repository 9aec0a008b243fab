package proof

import (
	"encoding/binary"
	"hash"
	"math/bits"
)

// The second implementation of SHA-256: FIPS 180-4, section 6.2, in plain Go. It shares nothing with crypto/sha256 and uses none of
// the processor's instructions for it, so a fault in those does not reach it. It is two to fifteen times as slow.

const (
	// Size is that of a hash, bytes.
	Size      = 32
	blockSize = 64
)

// digest is a hash that is being computed.
type digest struct {
	state  [8]uint32
	block  [blockSize]byte
	filled int    // of the block
	length uint64 // of all that was written, bytes
}

// New2 returns the second implementation, as sha256.New does the first.
func New2() hash.Hash {
	d := &digest{}
	d.Reset()
	return d
}

// Sum2 computes the SHA-256 of data by the second implementation.
func Sum2(data []byte) (sum [Size]byte) {
	d := digest{}
	d.Reset()
	d.write(data)
	return d.finish()
}

// initial are the first 32 bits of the fractional parts of the square roots of the first eight primes (5.3.3).
var initial = [8]uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}

// rounds are the first 32 bits of the fractional parts of the cube roots of the first 64 primes (4.2.2).
var rounds = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

// Write takes more data, and never fails.
func (d *digest) Write(data []byte) (int, error) {
	d.write(data)
	return len(data), nil
}

func (d *digest) write(data []byte) {
	d.length += uint64(len(data))
	if d.filled > 0 {
		n := copy(d.block[d.filled:], data)
		d.filled += n
		data = data[n:]
		if d.filled < blockSize {
			return
		}
		d.compress(d.block[:])
		d.filled = 0
	}
	for ; len(data) >= blockSize; data = data[blockSize:] {
		d.compress(data[:blockSize])
	}
	d.filled = copy(d.block[:], data)
}

// finish pads the message (5.1.1) and returns its hash.
func (d *digest) finish() (sum [Size]byte) {
	var padding [blockSize + 8]byte
	padding[0] = 0x80
	n := (blockSize + 55 - d.filled) % blockSize // zeros, so that the length ends the last block
	binary.BigEndian.PutUint64(padding[1+n:], 8*d.length)
	d.write(padding[:1+n+8])
	for i, word := range d.state {
		binary.BigEndian.PutUint32(sum[4*i:], word)
	}
	return sum
}

// Sum appends the hash of what was written, and more can be written after it.
func (d *digest) Sum(to []byte) []byte {
	c := *d
	sum := c.finish()
	return append(to, sum[:]...)
}

// Reset forgets what was written.
func (d *digest) Reset() { *d = digest{state: initial} }

// Size is that of the hash, bytes.
func (*digest) Size() int { return Size }

// BlockSize is how many bytes are best written at a time.
func (*digest) BlockSize() int { return blockSize }

// compress takes one block into the state.
func (d *digest) compress(block []byte) {
	var w [64]uint32
	for i := range 16 {
		w[i] = binary.BigEndian.Uint32(block[4*i:])
	}
	for i := 16; i < 64; i++ {
		x, y := w[i-15], w[i-2]
		s0 := bits.RotateLeft32(x, -7) ^ bits.RotateLeft32(x, -18) ^ x>>3
		s1 := bits.RotateLeft32(y, -17) ^ bits.RotateLeft32(y, -19) ^ y>>10
		w[i] = w[i-16] + s0 + w[i-7] + s1
	}
	a, b, c, e, f, g := d.state[0], d.state[1], d.state[2], d.state[4], d.state[5], d.state[6]
	d3, h := d.state[3], d.state[7]
	for i := range 64 {
		s1 := bits.RotateLeft32(e, -6) ^ bits.RotateLeft32(e, -11) ^ bits.RotateLeft32(e, -25)
		t1 := h + s1 + (e&f ^ ^e&g) + rounds[i] + w[i]
		s0 := bits.RotateLeft32(a, -2) ^ bits.RotateLeft32(a, -13) ^ bits.RotateLeft32(a, -22)
		t2 := s0 + (a&b ^ a&c ^ b&c)
		h, g, f, e = g, f, e, d3+t1
		d3, c, b, a = c, b, a, t1+t2
	}
	for i, v := range [8]uint32{a, b, c, d3, e, f, g, h} {
		d.state[i] += v
	}
}
