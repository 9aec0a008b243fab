// Command probe does one thing that the runtime's overlay makes deterministic, and prints what it
// saw. The tests of the overlay run it on a simulated machine.
package main

import (
	"fmt"
	"os"
	"strings"
)

// stories are what the probe can do, by the name that its first argument gives.
var stories = map[string]func(){
	"clock":      clock,
	"since":      since,
	"busy":       busy,
	"timers":     timers,
	"return":     func() { charge() },
	"exit":       func() { charge(); os.Exit(3) },
	"slices":     slices,
	"cpus":       cpus,
	"lock":       lock,
	"coroutine":  coroutine,
	"collect":    collect,
	"garbage":    garbage,
	"scavenge":   scavenge,
	"random":     random,
	"hash":       hash,
	"select":     selects,
	"goroutines": goroutines,
	"preempt":    preempt,
	"crowd":      crowd,
	"files":      files,
	"name":       name,
	"pid":        pid,
	"sha256":     sha,
}

func main() {
	story := stories[strings.Join(os.Args[1:2], "")]
	if story == nil {
		fmt.Println("probe: which story?")
		os.Exit(2)
	}
	story()
}
