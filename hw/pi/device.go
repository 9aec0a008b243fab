//go:build linux && (arm64 || amd64)

package pi

import (
	"errors"
	"os"
	"path/filepath"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"picloud/hw"
)

// property is the request by which the kernel passes a message on to the firmware: _IOWR(100, 0, char *) of drivers/char/broadcom/vcio.c, on
// 64 bits.
const property = 0xc0086400

// Property sends the firmware a message.
func (p *Parts) Property(message []uint32) error {
	if len(message) < 3 || int(message[0]) != 4*len(message) {
		return &hw.Error{Kind: hw.Invalid, Doing: "ask", What: "the firmware", Err: errors.New("a message begins with its size")}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mailbox == nil {
		f, err := os.OpenFile(filepath.Join(p.root, "dev/vcio"), os.O_RDWR, 0)
		if err != nil {
			return failed("ask", "the firmware", err)
		}
		p.mailbox = f
	}
	// The firmware wants its messages at addresses that end in 0 in hexadecimal; the kernel copies them to such a one.
	if err := ioctl(p.mailbox, property, unsafe.Pointer(&message[0])); err != nil {
		return failed("ask", "the firmware", err)
	}
	return nil
}

func ioctl(f *os.File, request uintptr, argument unsafe.Pointer) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var number unix.Errno
	err = raw.Control(func(fd uintptr) { _, _, number = unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(argument)) })
	if err == nil && number != 0 {
		err = number
	}
	return err
}

// watchdog is /dev/watchdog0. It runs from when it is opened.
type watchdog struct{ file *os.File }

// OpenWatchdog starts the watchdog.
func (p *Parts) OpenWatchdog() (hw.WatchdogDevice, error) {
	f, err := os.OpenFile(filepath.Join(p.root, "dev/watchdog0"), os.O_WRONLY, 0)
	if err != nil {
		return nil, failed("start", "the watchdog", err)
	}
	return &watchdog{f}, nil
}

// SetTimeout asks for a timeout, in whole seconds. A driver that cannot wait for so long keeps its own.
func (w *watchdog) SetTimeout(d time.Duration) (time.Duration, error) {
	seconds := int32(max(1, d/time.Second))
	err := ioctl(w.file, unix.WDIOC_SETTIMEOUT, unsafe.Pointer(&seconds))
	if err == nil || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
		err = ioctl(w.file, unix.WDIOC_GETTIMEOUT, unsafe.Pointer(&seconds))
	}
	if err != nil {
		return 0, failed("set the timeout of", "the watchdog", err)
	}
	return time.Duration(seconds) * time.Second, nil
}

// Feed has the watchdog wait from now on.
func (w *watchdog) Feed() error { return w.write("\x00") }

// Disarm stops the watchdog: V says that its end is meant. A kernel that was built or told to never stop one (nowayout) goes on.
func (w *watchdog) Disarm() error { return errors.Join(w.write("V"), w.file.Close()) }

func (w *watchdog) write(text string) error {
	if _, err := w.file.WriteString(text); err != nil {
		return failed("write to", "the watchdog", err)
	}
	return nil
}
