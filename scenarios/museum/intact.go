package museum

import (
	"encoding/binary"
	"hash/crc32"
)

// intact tells whether a record is what was written.
func intact(record []byte) bool {
	return crc32.Checksum(record[4:], castagnoli) == binary.BigEndian.Uint32(record)
}
