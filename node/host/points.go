package host

import (
	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/host/points"
)

// reached is implemented by disks that want to know which points the code above them reaches.
type reached interface{ Reached(points.Point) }

// Reached says that the code that writes to a disk has come to a point. A simulated machine may crash there, with all
// that was asked of the disk before and nothing that is asked after. On a real machine nothing happens.
func Reached(disk vfs.FS, p points.Point) {
	for ; disk != nil; disk = disk.Unwrap() {
		if d, is := disk.(reached); is {
			d.Reached(p)
			return
		}
	}
}
