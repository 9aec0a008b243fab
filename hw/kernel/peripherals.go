package kernel

import (
	"errors"
	"fmt"
	"math"
	"path"

	"picloud/hw"
)

// Card returns what is known of the card that the machine started from.
func (f *Files) Card() hw.Card {
	return hw.Card{
		Name:     hw.Read(f.cardName()),
		Serial:   value(f, f.card, "device/serial", text),
		ReadOnly: hw.Read(f.readOnly()),
		Errors:   hw.Read(f.ofFileSystems(disk+"p*", "errors_count", 1)),
		Written:  hw.Read(f.ofFileSystems(disk+"p*", "lifetime_write_kbytes", 1<<10)),
	}
}

func (f *Files) cardName() (string, error) {
	name, err := read(f, f.card, "device/name", text)
	if err != nil {
		return "", err
	}
	maker, err := read(f, f.card, "device/manfid", text)
	if err != nil {
		return "", err
	}
	return maker + " " + name, nil
}

// readOnly tells whether nothing can be written although it should: the card refuses, or a file system on it has given up. Linux 6.15 and
// later say so of the mount (emergency_ro, shutdown); older ones turn it to ro, as an image may on purpose, but count an error first
// (fs/ext4/super.c, ext4_handle_error). Some before 6.15 show neither: the error that they count is card-errors.
func (f *Files) readOnly() (bool, error) {
	locked, err := read(f, f.card, "ro", flag)
	if err != nil || locked {
		return locked, err
	}
	m, err := read(f, place{path: "/proc"}, "mounts", mounts)
	if err != nil || m.gaveUp {
		return m.gaveUp, err
	}
	for _, partition := range m.readOnly {
		if partition == "root" {
			partition = disk + "p*" // it is one of them
		}
		if n, err := f.ofFileSystems(partition, "errors_count", 1); err != nil || n > 0 {
			return n > 0, err
		}
	}
	return false, nil
}

// ofFileSystems adds up what the file systems on some partitions count.
func (f *Files) ofFileSystems(partitions, name string, unit int64) (int64, error) {
	if f.fileSys.err != nil {
		return 0, f.fileSys.err
	}
	paths, err := f.parts.Glob("/sys/fs/ext4/" + partitions + "/" + name)
	if err != nil {
		return 0, err
	}
	if len(paths) == 0 {
		return 0, absent(name, errors.New("no file system on "+partitions+" has it"))
	}
	sum := int64(0)
	for _, p := range paths {
		n, err := read(f, place{path: path.Dir(p)}, name, count)
		if err != nil {
			return 0, err
		}
		if n > (math.MaxInt64-sum)/unit {
			return 0, &hw.Error{Kind: hw.Failed, Doing: "read", What: p, Err: fmt.Errorf("%d cannot be", n)}
		}
		sum += n * unit
	}
	return sum, nil
}

// Link returns how the wire is.
func (f *Files) Link() hw.Link {
	return hw.Link{
		Up:      value(f, f.link, "carrier", flag),
		Changes: value(f, f.link, "carrier_changes", count),
		Speed:   value(f, f.link, "speed", megabits),
		Errors:  value(f, f.link, "statistics/rx_errors", count),
	}
}

// megabits reads the speed of a wire; one that is down, or that a virtual machine has, has -1.
func megabits(b []byte) (int64, error) {
	n, err := number(b)
	switch {
	case err != nil:
		return 0, err
	case n < 0:
		return 0, errors.New("it has none, as a wire that is down or is none")
	case n > math.MaxInt64/1_000_000:
		return 0, fmt.Errorf("%d Mbit/s cannot be", n)
	}
	return n * 1_000_000, nil
}

// Pressure returns for how long programs have waited.
func (f *Files) Pressure() hw.Pressure {
	return hw.Pressure{CPU: value(f, f.pressure, "cpu", pressure), IO: value(f, f.pressure, "io", pressure)}
}
