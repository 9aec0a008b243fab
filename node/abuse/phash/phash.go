// Package phash tells whether a picture looks like one of a list: perceptual hashes, and an index of them by distance.
//
// A hash is 256 signs of the picture's discrete cosine transform, of its 16 x 16 lowest frequencies, as in Facebook's PDQ
// ("The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm", 2019). Two things differ. A sign is that of
// the coefficient, not that of its difference from the median, so that the hash of the mirrored picture follows from the
// hash. And a picture has up to four hashes: of the whole, and of what is left each time that a plain border is taken off. So
// a border does not hide a picture, and where it is not clear what is border, the whole still counts.
//
// Invariants:
//   - A hash depends on the pixels and on nothing else: all arithmetic is on integers, so every architecture gives the same.
//   - The work does not grow with the picture beyond a raster of 512 x 512, each point of it the mean of at most four pixels.
//   - What has too little detail has no hash, and nothing matches it: its signs would be those of noise.
//   - An Index finds exactly the hashes within Radius of a hash or of its mirror image, neither more nor less.
package phash

import (
	"encoding/hex"
	"fmt"
	"image"
	"math/bits"
	"slices"
)

// Bits is the number of bits of a hash.
const Bits = 256

// Radius is the distance up to which two hashes are of pictures that look alike. DESIGN.md says how it was chosen.
const Radius = 60

// Hash is how a picture looks. Bit 16*v+u is set if the coefficient of frequency u+1 across and v+1 down is positive.
// The zero Hash is that of no picture, and matches nothing.
type Hash [4]uint64

// How many coefficients must be clear of noise. For a list it is more, so that a copy that has lost some detail has a hash.
const (
	clearToAsk  = 64
	clearToList = 96
)

// Of returns the hashes of a picture that is to be looked up, at most four: it looks like another one if any hash of the one
// is within Radius of any of the other. What is transparent counts as white.
//
// A picture with too little detail (it is of one colour, say, or a smooth gradient, or some stripes) has no hash: it looks
// like no other, not even like itself.
func Of(m image.Image) []Hash { return hashes(m, clearToAsk) }

// ForList returns the hashes of a picture that is to be put on a list: those of Of that have detail enough for that. If
// there is none, the picture cannot be listed.
func ForList(m image.Image) []Hash { return hashes(m, clearToList) }

func hashes(m image.Image, clear int) []Hash {
	if m.Bounds().Empty() {
		return nil
	}
	var all []Hash
	for _, r := range read(m).trims() {
		c := transform(r.shrink())
		if h := c.signs(); c.clear() >= clear && h != (Hash{}) && !slices.Contains(all, h) {
			all = append(all, h)
		}
	}
	return all
}

// Distance returns how many bits differ, 0 to Bits.
func Distance(a, b Hash) int {
	return bits.OnesCount64(a[0]^b[0]) + bits.OnesCount64(a[1]^b[1]) + bits.OnesCount64(a[2]^b[2]) + bits.OnesCount64(a[3]^b[3])
}

// odd has the bits whose waves change their sign when the picture is mirrored: those of odd frequencies across.
const odd = 0x5555555555555555

// Mirrored returns the hash of the picture with left and right exchanged.
func (h Hash) Mirrored() Hash {
	return Hash{h[0] ^ odd, h[1] ^ odd, h[2] ^ odd, h[3] ^ odd}
}

// String returns the hash as 64 hexadecimal digits, the highest bit first.
func (h Hash) String() string {
	return fmt.Sprintf("%016x%016x%016x%016x", h[3], h[2], h[1], h[0])
}

// Parse reads what String writes, and capitals too.
func Parse(text string) (Hash, error) {
	if len(text) != Bits/4 {
		return Hash{}, fmt.Errorf("read a picture's hash: it has %d characters, not %d", len(text), Bits/4)
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		return Hash{}, fmt.Errorf("read a picture's hash: %w", err)
	}
	var h Hash
	for i, c := range b {
		h[3-i/8] = h[3-i/8]<<8 | uint64(c)
	}
	if h == (Hash{}) {
		return Hash{}, fmt.Errorf("read a picture's hash: the hash of zeros is that of no picture")
	}
	return h, nil
}
