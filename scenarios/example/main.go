// Command example is the smallest program of one's own on a simulated Pi: a notebook that keeps
// values in a file and serves them over HTTP. It has a bug that only a power cut shows.
//
//	picloud build -o bin/notebook ./scenarios/example
//	picloud sim -scenario scenarios/example/notebook.yaml -seed 1
//
// The line that mends it stands in do, as a comment. Build again, and the same seed passes.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/host"
	"picloud/node/wire"
	"picloud/scenarios/kv"
	"picloud/sim/machine"
)

func main() {
	h, err := machine.Here()
	if err == nil {
		err = serve(h)
	}
	fmt.Fprintln(os.Stderr, "notebook:", err)
	os.Exit(1)
}

// serve serves the notebook for ever, to the clients and checks that all scenarios have: package kv
// says what a command is.
func serve(h *host.Host) error {
	n, err := open(h.Disk)
	if err != nil {
		return err
	}
	return kv.Serve(context.Background(), wire.Network{Network: h.Network}, h.Log, n.do)
}

// notebook is a file of notes, one in a line, and what they come to.
type notebook struct {
	mu     sync.Mutex
	file   vfs.File
	end    int64 // of the last whole note
	count  int
	values map[string]string
}

type note struct {
	Number     int // counts from 1: what follows a gap was left by a crash
	Key, Value string
}

// open reads the notes that the last process left.
func open(disk vfs.FS) (*notebook, error) {
	f, err := disk.OpenReadWrite("notes", vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	folder, err := disk.OpenDir(".")
	if err != nil {
		return nil, err
	}
	if err := folder.Sync(); err != nil { // the file's name is durable now
		return nil, err
	}
	if err := f.Sync(); err != nil { // so is what a process wrote that was killed before it synced
		return nil, err
	}
	n := &notebook{file: f, values: map[string]string{}}
	for lines := bufio.NewReader(f); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return nil, err
		}
		var last note
		if err != nil || json.Unmarshal(line, &last) != nil || last.Number != n.count+1 {
			return n, nil // what follows, a crash has left
		}
		n.take(last, len(line))
	}
}

func (n *notebook) take(last note, size int) {
	n.count, n.end = last.Number, n.end+int64(size)
	n.values[last.Key] = last.Value
}

// do carries out a command. A disk that fails ends the process: nobody knows what is on it.
func (n *notebook) do(c kv.Command) (before string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before = n.values[c.Key]
	after := c.After(before)
	if after == before {
		return before, nil
	}
	next := note{n.count + 1, c.Key, after}
	line, err := json.Marshal(next)
	if err != nil {
		return "", err
	}
	_, err = n.file.WriteAt(append(line, '\n'), n.end)
	// if err == nil { err = n.file.Sync() }
	if err != nil {
		panic(err)
	}
	n.take(next, len(line)+1)
	return before, nil
}
