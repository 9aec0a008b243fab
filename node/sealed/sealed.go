// Package sealed puts a checksum before a value that belongs to a key, so that neither a changed value nor
// one that stands under another key is taken for it.
package sealed

import (
	"encoding/binary"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const sumBytes = 4

// Seal returns the value behind a CRC-32C over its key and itself.
func Seal(key, value []byte) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, sumBytes+len(value)), sum(key, value))
	return append(b, value...)
}

// Open returns the value, which belongs to the sealed one, if it was sealed with the key.
func Open(key, sealed []byte) (value []byte, good bool) {
	if len(sealed) < sumBytes {
		return nil, false
	}
	value = sealed[sumBytes:]
	return value, binary.BigEndian.Uint32(sealed) == sum(key, value)
}

func sum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}
