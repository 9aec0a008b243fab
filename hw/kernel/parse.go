package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"picloud/hw"
)

// number reads what most files of the kernel are: one decimal number and the end of a line.
func number(text []byte) (int64, error) {
	n, err := strconv.ParseInt(word(text), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", clipped(text))
	}
	return n, nil
}

// count reads a number that is not negative.
func count(text []byte) (int64, error) {
	n, err := number(text)
	if err == nil && n < 0 {
		return 0, fmt.Errorf("%d is not a count", n)
	}
	return n, err
}

// flag reads a 0 or a 1.
func flag(text []byte) (bool, error) {
	switch word(text) {
	case "0":
		return false, nil
	case "1":
		return true, nil
	}
	return false, fmt.Errorf("%q is neither 0 nor 1", clipped(text))
}

// word takes away what the kernel and the device tree put behind a text.
func word(text []byte) string { return strings.TrimRight(string(text), "\x00\n ") }

// clipped is as much of a text as an error may show.
func clipped(text []byte) []byte { return text[:min(len(text), 40)] }

// throttled reads the firmware's bits in hexadecimal, without 0x, as the kernel's get_throttled has them.
func throttled(text []byte) (hw.Throttling, error) {
	n, err := strconv.ParseUint(word(text), 16, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not 32 bits in hexadecimal", clipped(text))
	}
	return hw.Throttling(n), nil
}

// cell reads a cell of the device tree: 32 bits, the highest first.
func cell(text []byte) (uint32, error) {
	if len(text) != 4 {
		return 0, fmt.Errorf("a cell has 4 bytes, not %d", len(text))
	}
	return binary.BigEndian.Uint32(text), nil
}

// pressure reads for how long some programs have waited: the total of the line "some", in microseconds
// (Linux, Documentation/accounting/psi.rst).
func pressure(text []byte) (time.Duration, error) {
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "some" {
			continue
		}
		for _, w := range words[1:] {
			digits, is := strings.CutPrefix(w, "total=")
			if !is {
				continue
			}
			us, err := count([]byte(digits))
			if err == nil && us > int64(1<<63-1)/int64(time.Microsecond) {
				err = fmt.Errorf("%d µs are more than can be", us)
			}
			return time.Duration(us) * time.Microsecond, err
		}
	}
	return 0, errors.New(`there is no line "some" with a total`)
}

// cores counts the cores of a list of ranges, "0-3" or "0,2-3".
func cores(text []byte) (int, error) {
	total := 0
	for part := range strings.SplitSeq(word(text), ",") {
		first, last, is := strings.Cut(part, "-")
		if !is {
			last = first
		}
		a, err := strconv.ParseUint(first, 10, 16)
		b, err2 := strconv.ParseUint(last, 10, 16)
		if err != nil || err2 != nil || b < a {
			return 0, fmt.Errorf("%q is no list of cores", clipped(text))
		}
		total += int(b-a) + 1
	}
	return total, nil
}

// mounted is how the file systems on a disk are mounted.
type mounted struct {
	gaveUp   bool     // one says that it has stopped all writing
	readOnly []string // the partitions of which nothing can be written, sorted: by intent, or as older kernels say that one has given up
}

// mounts tells how the ext4 partitions of the card are mounted; boot partitions are of other kinds. One that is mounted
// at several places can be written if any of them can be: systemd and containers show programs parts of it read-only, and a file
// system that has given up is so everywhere. The system's own is /dev/root in some kernels.
func mounts(text []byte) (mounted, error) {
	var m mounted
	writable := map[string]bool{} // by partition
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 4 || f[2] != "ext4" || !strings.HasPrefix(f[0], "/dev/"+disk+"p") && f[0] != "/dev/root" {
			continue
		}
		options := strings.Split(f[3], ",")
		m.gaveUp = m.gaveUp || slices.Contains(options, "emergency_ro") || slices.Contains(options, "shutdown")
		writable[f[0]] = writable[f[0]] || !slices.Contains(options, "ro")
	}
	if len(writable) == 0 {
		return m, fmt.Errorf("no partition of %s is mounted with ext4", disk)
	}
	for _, partition := range slices.Sorted(maps.Keys(writable)) {
		if !writable[partition] {
			m.readOnly = append(m.readOnly, strings.TrimPrefix(partition, "/dev/"))
		}
	}
	return m, nil
}
