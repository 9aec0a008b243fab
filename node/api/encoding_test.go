package api

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"
)

func exampleRequest() *Request {
	return &Request{Session: 1, Sequence: 2, Answered: 1, Txn: Txn{
		If:   []Compare{{Key: "a/1", What: Version, Is: "=", Number: 1}},
		Then: []Op{{Kind: Put, Key: "a/1", Value: []byte("v"), TTL: 9}, {Kind: Scan, Key: "a/", End: "a/2", Limit: 3, Reverse: true}},
		Else: []Op{{Kind: Delete, Key: "a/2", Previous: true}},
	}}
}

func TestAChangedBitOfARequestIsSeen(t *testing.T) {
	data, err := exampleRequest().Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeRequest(data); err != nil {
		t.Fatal(err)
	}
	for bit := range len(data) * 8 {
		data[bit/8] ^= 1 << (bit % 8)
		if _, err := DecodeRequest(data); err == nil || !strings.Contains(err.Error(), "does not match its checksum") {
			t.Fatalf("with bit %d changed: %v", bit, err)
		}
		data[bit/8] ^= 1 << (bit % 8)
	}
}

// FuzzDecodeRequest puts the right checksum behind what is drawn.
func FuzzDecodeRequest(f *testing.F) {
	data, err := exampleRequest().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[:len(data)-sumBytes])
	f.Fuzz(func(t *testing.T, body []byte) {
		data := binary.BigEndian.AppendUint32(append([]byte{}, body...), crc32.Checksum(body, castagnoli))
		q, err := DecodeRequest(data)
		if err != nil {
			return
		}
		if again, err := q.Encode(); err != nil || string(again) != string(data) {
			t.Errorf("%x was read as %+v, which is %x: %v", data, q, again, err)
		}
	})
}
