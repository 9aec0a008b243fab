package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

// What packages ask the system for while they are initialised.
var (
	hostAtInit, _  = os.Hostname()
	_, lookAtInit  = os.Stat("/etc/resolv.conf")
	_, linkAtInit  = os.Readlink("/etc/localtime")
	pidAtInit      = os.Getpid()
	missingAtStart = errors.Is(lookAtInit, fs.ErrNotExist) && errors.Is(linkAtInit, fs.ErrNotExist)
)

// files looks for files that libraries look for by themselves.
func files() {
	_, open := os.ReadFile("/etc/mime.types")
	_, stat := os.Stat("/etc/ssl/certs")
	fmt.Println(missingAtStart, errors.Is(open, fs.ErrNotExist), errors.Is(stat, fs.ErrNotExist))
}

// name asks for the host's name, which is a system call once packages are initialised.
func name() {
	fmt.Println(hostAtInit)
	name, err := os.Hostname()
	fmt.Println("escaped:", name, err)
}

// pid prints the number of the process.
func pid() { fmt.Println(pidAtInit, os.Getpid()) }

// sha prints two hashes.
func sha() {
	runtime.GC()
	fmt.Printf("%x %x\n", sha256.Sum256([]byte("abc")), sha256.Sum256([]byte("xyz")))
}
