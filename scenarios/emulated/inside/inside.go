// Package inside is what an emulated Pi and the test that started it agree upon: what the kernel's command line says to the first
// process, and what that process is asked for by HTTP.
package inside

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Where files are in the guest.
const (
	Init    = "init"          // its first process, from the root on
	Program = "picloud"       // the program under test
	Modules = "modules"       // the folder of the kernel's modules
	List    = "modules.order" // their files in the order in which they are loaded, one a line, with parameters
	Data    = "/data"         // a file system in memory
)

// Port is where the first process serves:
//
//	GET  /file?path=P               a file's content
//	PUT  /file?path=P               writes a file
//	POST /run                       runs a program with its arguments (a JSON list), answers with an Ended
//	POST /start                     starts the node with its arguments (a JSON list)
//	POST /signal?number=N           sends the node a signal
//	GET  /node                      says how the node ended (an Ended), status 404 while it runs
//	POST /pin?name=GPIO20&do=DO     drives a pin by periph: high, low, read
const Port = "9900"

// Ended is how a program has ended.
type Ended struct {
	Status int    `json:"status"`
	Output string `json:"output"` // standard output; what it says on standard error is on the console
}

// Setup is what the first process is told.
type Setup struct {
	Time  time.Time // a Pi has no clock that runs without power
	Links []Link
}

// Link is a network card.
type Link struct {
	Card    net.HardwareAddr
	Address netip.Prefix
}

// Same tells whether two addresses are of one card: versions of QEMU differ in what they make of the first byte.
func Same(a, b net.HardwareAddr) bool {
	return len(a) == 6 && len(b) == 6 && string(a[1:]) == string(b[1:])
}

// String returns the setup as parameters of a kernel's command line.
func (s Setup) String() string {
	words := []string{fmt.Sprintf("pi.time=%d", s.Time.Unix())}
	for _, l := range s.Links {
		words = append(words, fmt.Sprintf("pi.link=%s=%s", l.Card, l.Address))
	}
	return strings.Join(words, " ")
}

// ParseSetup finds the setup in a kernel's command line, among what else stands there.
func ParseSetup(line string) (s Setup, err error) {
	for _, word := range strings.Fields(line) {
		if text, is := strings.CutPrefix(word, "pi.time="); is {
			seconds, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return s, fmt.Errorf("inside: %s is no time", word)
			}
			s.Time = time.Unix(seconds, 0)
		}
		if text, is := strings.CutPrefix(word, "pi.link="); is {
			card, address, _ := strings.Cut(text, "=")
			var l Link
			if l.Card, err = net.ParseMAC(card); err != nil {
				return s, fmt.Errorf("inside: %s names no network card", word)
			}
			if l.Address, err = netip.ParsePrefix(address); err != nil {
				return s, fmt.Errorf("inside: %s has no address with the length of its network", word)
			}
			s.Links = append(s.Links, l)
		}
	}
	return s, nil
}
