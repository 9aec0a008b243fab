package picture

import (
	"bytes"
	"encoding/binary"
)

// header is what the header of a JPEG says that image.DecodeConfig does not.
type header struct {
	orientation int // of EXIF, 1 if it says nothing
	components  int
	samples     int // of all components together, in the largest unit
	unit        int // samples of the largest component in it
	progressive bool
}

// worstHeader is what is taken for true of a header that cannot be understood.
func worstHeader() header {
	return header{orientation: 1, components: 4, samples: 4, unit: 1, progressive: true}
}

// bytesEach returns how many bytes decoding takes for each pixel. A progressive picture is kept as coefficients of four
// bytes until all is read, and one of four components is converted when it is.
func (h *header) bytesEach() int {
	bytes := h.samples
	if h.progressive {
		bytes *= 5
	}
	if h.components == 4 {
		bytes += 4 * h.unit
	}
	return (bytes + h.unit - 1) / h.unit
}

// The markers of JPEG that matter here.
const (
	markerSOF0 = 0xc0 // a frame, in one go
	markerSOF1 = 0xc1
	markerSOF2 = 0xc2 // a frame, progressive
	markerSOS  = 0xda // the frame's data begins
	markerAPP1 = 0xe1 // maybe EXIF
)

// readJPEG reads a header, as far as it is in order: of one that is not, the worst is said.
func readJPEG(file []byte) header {
	h, orientation := worstHeader(), 1
	for at := 2; at+4 <= len(file) && file[at] == 0xff; {
		marker, length := file[at+1], int(binary.BigEndian.Uint16(file[at+2:]))
		if marker < markerSOF0 || marker == 0xff || marker >= 0xd0 && marker <= markerSOS || length < 2 || at+2+length > len(file) {
			break
		}
		segment := file[at+4 : at+2+length]
		switch marker {
		case markerSOF0, markerSOF1, markerSOF2:
			h = readFrame(segment, marker == markerSOF2)
		case markerAPP1:
			if o := readOrientation(segment); o != 0 {
				orientation = o
			}
		}
		at += 2 + length
	}
	h.orientation = orientation
	return h
}

// readFrame reads a frame's header: depth, height, width, and of each component its name, sampling and table.
func readFrame(segment []byte, progressive bool) header {
	h := header{progressive: progressive}
	if len(segment) < 6 || len(segment) != 6+3*int(segment[5]) {
		return worstHeader()
	}
	h.components = int(segment[5])
	for i := range h.components {
		sampling := segment[6+3*i+1]
		n := int(sampling>>4) * int(sampling&15)
		if n == 0 {
			return worstHeader()
		}
		h.samples, h.unit = h.samples+n, max(h.unit, n)
	}
	if h.components == 0 {
		return worstHeader()
	}
	return h
}

// readOrientation returns the orientation that a segment of EXIF says, 0 if it says none.
func readOrientation(segment []byte) int {
	tiff, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00"))
	if !ok || len(tiff) < 8 {
		return 0
	}
	var order binary.ByteOrder = binary.LittleEndian
	if string(tiff[:2]) == "MM" {
		order = binary.BigEndian
	}
	const tagOrientation, typeShort, entryBytes = 0x0112, 3, 12
	start := uint64(order.Uint32(tiff[4:]))
	if start+2 > uint64(len(tiff)) {
		return 0
	}
	entries := tiff[start+2:]
	for n := order.Uint16(tiff[start:]); n > 0 && len(entries) >= entryBytes; n-- {
		if order.Uint16(entries) == tagOrientation && order.Uint16(entries[2:]) == typeShort {
			if o := int(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			return 0
		}
		entries = entries[entryBytes:]
	}
	return 0
}
