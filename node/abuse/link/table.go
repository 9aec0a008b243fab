package link

import (
	"encoding/binary"
	"errors"
	"hash/maphash"
	"math"
)

// table is a set of texts of at most 64 KiB. It keeps them one behind the other, and finds them by open addressing: a slot has half
// of a text's hash, so that what is not there is nearly always refused without looking at any text. A million entries are
// three objects for the collector.
type table struct {
	seed  maphash.Seed
	slots []slot // a power of two
	texts []byte // each behind its length in two bytes
	n     int
	gone  int // bytes of texts that were removed
}

// slot is where a text begins, plus one, and the lower half of its hash. Free ones are zero.
type slot struct{ at, hash uint32 }

const (
	lengthBytes = 2
	leastSlots  = 16
)

func newTable() table { return table{seed: maphash.MakeSeed(), slots: make([]slot, leastSlots)} }

// find returns the slot of a text, or the free one where it belongs.
func (t *table) find(text []byte) (i int, hash uint32, is bool) {
	hash = uint32(maphash.Bytes(t.seed, text))
	mask := len(t.slots) - 1
	for i = int(hash) & mask; t.slots[i].at != 0; i = (i + 1) & mask {
		if t.slots[i].hash == hash && string(t.text(t.slots[i])) == string(text) {
			return i, hash, true
		}
	}
	return i, hash, false
}

// text returns what a slot that is not free stands for.
func (t *table) text(s slot) []byte {
	at := int(s.at - 1)
	n := int(binary.LittleEndian.Uint16(t.texts[at:]))
	return t.texts[at+lengthBytes:][:n]
}

func (t *table) has(text []byte) bool {
	_, _, is := t.find(text)
	return is
}

// add adds a text, and tells whether it was not there.
func (t *table) add(text string) (bool, error) {
	if text == "" || len(text) > math.MaxUint16 {
		return false, errors.New("add an entry: it is empty or too long")
	}
	i, hash, is := t.find([]byte(text))
	if is {
		return false, nil
	}
	if len(t.texts)+lengthBytes+len(text) > math.MaxInt32 {
		return false, errors.New("add an entry: the list is full")
	}
	t.slots[i] = slot{uint32(len(t.texts)) + 1, hash}
	t.texts = append(binary.LittleEndian.AppendUint16(t.texts, uint16(len(text))), text...)
	if t.n++; 4*t.n > 3*len(t.slots) {
		t.spread(2 * len(t.slots))
	}
	return true, nil
}

// spread puts all into as many new slots.
func (t *table) spread(n int) {
	old := t.slots
	t.slots = make([]slot, n)
	for _, s := range old {
		if s.at != 0 {
			t.put(s)
		}
	}
}

// put puts what is not there into a free slot.
func (t *table) put(s slot) {
	mask := len(t.slots) - 1
	i := int(s.hash) & mask
	for t.slots[i].at != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = s
}

// remove removes a text, and tells whether it was there. What stands behind its slot without a gap is put anew.
func (t *table) remove(text []byte) bool {
	i, _, is := t.find(text)
	if !is {
		return false
	}
	t.slots[i] = slot{}
	t.n--
	mask := len(t.slots) - 1
	for i = (i + 1) & mask; t.slots[i].at != 0; i = (i + 1) & mask {
		s := t.slots[i]
		t.slots[i] = slot{}
		t.put(s)
	}
	if t.gone += lengthBytes + len(text); t.gone > len(t.texts)/2 {
		t.compact()
	}
	return true
}

// compact leaves out the texts that were removed.
func (t *table) compact() {
	texts := make([]byte, 0, len(t.texts)-t.gone)
	for i, s := range t.slots {
		if s.at != 0 {
			text := t.text(s)
			t.slots[i].at = uint32(len(texts)) + 1
			texts = append(binary.LittleEndian.AppendUint16(texts, uint16(len(text))), text...)
		}
	}
	t.texts, t.gone = texts, 0
	if n := len(t.slots); n > leastSlots && 4*t.n < n/2 {
		t.spread(n / 2)
	}
}
