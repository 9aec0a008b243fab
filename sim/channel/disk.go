package channel

// The operations of ClassDisk. Paths are slash-separated and absolute; a call that takes two of
// them has a zero byte between. "Call" has a reply (OpReply under the call's ID), whose Err says
// what went wrong; "one way" has none: what goes wrong there is reported by the file's next
// DiskSync. A file number is given out by the card and means nothing after DiskClose.
const (
	// DiskOpen is a call. A: the open flags; Data: path. Reply A: file number; B: size in bytes,
	// -1 for a directory.
	DiskOpen uint8 = iota + 1
	// DiskClose is one way. ID: file number. Closing a locked file releases the lock.
	DiskClose
	// DiskRead is a call. A: file number; B: DiskRange of offset and length. Reply Data: the bytes,
	// fewer than asked at the end of the file or when the device fell short; B: 1 at the end.
	DiskRead
	// DiskWrite is one way. ID: file number; A: offset; Data: the bytes.
	DiskWrite
	// DiskSync is a call. A: file number. What was written to the file, or which names were changed
	// in the directory, before the call is durable once it has succeeded.
	DiskSync
	// DiskFlush is one way. ID: file number. It starts to write the file back; promises nothing.
	DiskFlush
	// DiskPrefetch is one way. ID: file number; A: offset; B: length in bytes.
	DiskPrefetch
	// DiskStat is a call. A: file number, or 0 and Data: path. Reply A: size in bytes, -1 for a
	// directory; B: time of the last change in nanoseconds since 1970.
	DiskStat
	// DiskList is a call. Data: path, a zero byte, and the name after which to go on. Reply Data:
	// names in order, each followed by a zero byte; B: 1 when there are no more.
	DiskList
	// DiskMkdirAll is a call. Data: path.
	DiskMkdirAll
	// DiskRemove is a call. Data: path of a file or an empty directory.
	DiskRemove
	// DiskRemoveAll is a call. Data: path. It succeeds when there is nothing.
	DiskRemoveAll
	// DiskRename is a call. Data: old and new path.
	DiskRename
	// DiskLink is a call. Data: old and new path.
	DiskLink
	// DiskLock is a call. Data: path of a file, which is created or truncated. Reply A: file number.
	DiskLock
	// DiskUsage is a call. Reply A: size of the file system in bytes; B: free bytes.
	DiskUsage
	// DiskRefused is one way. A: an error number that the process met by looking at DiskState. It
	// only tells the card that its fault was felt.
	DiskRefused
	// DiskReached is one way. Data: the point to which the program has come. It changes nothing.
	DiskReached
)

// The open flags. Without OpenCreate a missing file is an error.
const (
	OpenWrite    = 1 << iota // for reading and writing
	OpenCreate               // create the file when there is none
	OpenReplace              // remove what is there first, so that the file is a new one
	OpenTruncate             // cut the file to no bytes
	OpenDir                  // only a directory will do
)

// DiskState is what a process can see of its card without asking: it stands in shared memory.
type DiskState struct {
	Free  int64  // bytes
	Flags uint32 // DiskReadOnly, DiskGone, DiskListens
}

// The flags of DiskState.
const (
	DiskReadOnly uint32 = 1 << iota // writes fail with EROFS
	DiskGone                        // writes fail with EIO
	DiskListens                     // somebody wants to know which points programs come to: DiskReached
)

// rangeBits leaves room for lengths up to and including MaxData.
const rangeBits = 17

// MaxOffset bounds the offsets that DiskRange can pack, in bytes.
const MaxOffset = 1 << (63 - rangeBits)

// DiskRange packs an offset below MaxOffset and a length up to MaxData, both in bytes.
func DiskRange(offset int64, length int) int64 { return offset<<rangeBits | int64(length) }

// SplitDiskRange undoes DiskRange.
func SplitDiskRange(r int64) (offset int64, length int) {
	return r >> rangeBits, int(r & (1<<rangeBits - 1))
}
