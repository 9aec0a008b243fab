// Package thirdparty stands for a library that reaches for the operating system by itself.
package thirdparty

import (
	"net"
	"os"
	"os/exec"
)

// Calls are the ways out that it tries, by name.
var Calls = map[string]func() error{
	"open":   Open,
	"dial":   Dial,
	"lookup": LookUp,
	"exec":   Exec,
	"host":   Host,
}

func init() {
	if call := Calls[os.Getenv("THIRDPARTY_INIT")]; call != nil {
		call()
	}
}

// Open opens a file.
func Open() error {
	_, err := os.Open("/etc/passwd")
	return err
}

// Dial reaches for the network.
func Dial() error {
	_, err := net.Dial("tcp", "192.0.2.1:80")
	return err
}

// LookUp asks for a name's address.
func LookUp() error {
	_, err := net.LookupHost("example.com")
	return err
}

// Exec starts a program.
func Exec() error { return exec.Command("/bin/true").Run() }

// Host asks for the host's name.
func Host() error {
	_, err := os.Hostname()
	return err
}
