// Command guest is the first process of an emulated Pi. It mounts the kernel's file systems, loads modules, sets up the network, and
// then does what a test asks for by HTTP: it starts the node as a child, and shows what the kernel shows in the guest. Started with
// the name of a pin it opens a relay.
package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"picloud/scenarios/emulated/inside"
)

func main() {
	if os.Getpid() != 1 && len(os.Args) == 2 {
		if err := openRelay(os.Args[1]); err != nil {
			fmt.Println("relay:", err)
			os.Exit(1)
		}
		return
	}
	fmt.Println("guest: begins")
	if err := begin(); err != nil {
		fmt.Println("guest:", err) // the kernel panics at its end, and QEMU ends with the reset that follows
		os.Exit(1)
	}
}

func begin() error {
	for _, m := range []struct{ kind, at string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"debugfs", "/sys/kernel/debug"}, {"tmpfs", inside.Data},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	line, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return err
	}
	setup, err := inside.ParseSetup(string(line))
	if err != nil {
		return err
	}
	if err := unix.Settimeofday(&unix.Timeval{Sec: setup.Time.Unix()}); err != nil {
		return fmt.Errorf("set the clock: %w", err)
	}
	if err := loadModules(); err != nil {
		return err
	}
	if err := connect(setup.Links); err != nil {
		return err
	}
	fmt.Println("guest: serves")
	return http.ListenAndServe(":"+inside.Port, newHandler())
}

// loadModules loads the kernel's modules in the order of their list.
func loadModules() error {
	list, err := os.ReadFile("/" + inside.List)
	if err != nil {
		return err
	}
	for entry := range strings.Lines(string(list)) {
		file, parameters, _ := strings.Cut(strings.TrimSpace(entry), " ")
		f, err := os.Open(filepath.Join("/"+inside.Modules, file))
		if err != nil {
			return err
		}
		err = unix.FinitModule(int(f.Fd()), parameters, 0)
		f.Close()
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("load the module %s: %w", file, err)
		}
	}
	return nil
}

// cardsWithin is for how long network cards may take to appear: the USB host finds them one after the other.
const cardsWithin = 3 * time.Minute

// connect gives the network cards their addresses.
func connect(links []inside.Link) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	if err := up(s, "lo"); err != nil {
		return err
	}
	end := time.Now().Add(cardsWithin)
	for _, l := range links {
		name := card(l.Card)
		for ; name == ""; name = card(l.Card) {
			if time.Now().After(end) {
				return fmt.Errorf("the network card %s has not appeared in %s", l.Card, cardsWithin)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if err := address(s, name, l); err != nil {
			return fmt.Errorf("give %s the address %s: %w", name, l.Address, err)
		}
	}
	return nil
}

// card returns the name of the interface with an address, "" if there is none yet.
func card(address net.HardwareAddr) string {
	all, err := net.Interfaces()
	if err != nil {
		return ""
	}
	for _, i := range all {
		if inside.Same(i.HardwareAddr, address) {
			return i.Name
		}
	}
	return ""
}

// address gives an interface its address and takes it into use (netdevice(7)).
func address(socket int, name string, l inside.Link) error {
	mask := net.CIDRMask(l.Address.Bits(), 32)
	for _, set := range []struct {
		request uint
		value   []byte
	}{{unix.SIOCSIFADDR, l.Address.Addr().AsSlice()}, {unix.SIOCSIFNETMASK, mask}} {
		r, err := unix.NewIfreq(name)
		if err == nil {
			err = r.SetInet4Addr(set.value)
		}
		if err == nil {
			err = unix.IoctlIfreq(socket, set.request, r)
		}
		if err != nil {
			return err
		}
	}
	return up(socket, name)
}

func up(socket int, name string) error {
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("take %s into use: %w", name, err)
	}
	return nil
}
