package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"picloud/node"
	"picloud/scenarios/shelf"
)

// What may not be exceeded: a Pi with little memory and a small card has room for other things too.
const (
	mostProgram = 40_000_000 // bytes
	mostMemory  = 64_000_000 // bytes
)

// Size measures how large the program is, and how much memory a node takes that has nothing to do.
func Size(ctx context.Context, args []string) error {
	f := flags("size", `size [-seconds N]

Builds the program as it is put on machines (without C, stripped) for linux/arm64 and linux/amd64, into
bin, and runs two clouds of three nodes of it for a while with nothing to do: one where each node has every role,
which is what up runs with health and proof, and one of the database only. The first node of each is the monitor too.
Prints the programs' sizes and the nodes' resident memory, and fails when one is too large.

Example:
  picloud size -seconds 30`)
	seconds := f.Int("seconds", 10, "for which the nodes have nothing to do before their memory is read")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if *seconds < 1 {
		return fmt.Errorf("size: wait at least a second, not %d", *seconds)
	}
	root, err := checkout()
	if err != nil {
		return errors.New("size: it builds programs, which it can only inside a checkout of the project")
	}
	good, programs := true, map[string]string{} // by architecture
	for _, arch := range []string{"arm64", "amd64"} {
		path, err := stripped(ctx, root, arch)
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		good, programs[arch] = within("linux/"+arch, info.Size(), mostProgram) && good, path
	}
	program, is := programs[runtime.GOARCH]
	if !is {
		if program, err = stripped(ctx, root, runtime.GOARCH); err != nil {
			return err
		}
	}
	for _, cloud := range []struct {
		what string
		bare bool
	}{{"every role", false}, {"database", true}} {
		memory, err := idle(ctx, program, cloud.bare, time.Duration(*seconds)*time.Second)
		if err != nil {
			return fmt.Errorf("size: run a cloud: %w", err)
		}
		for i, bytes := range memory {
			good = within(fmt.Sprintf("idle node %d, %s", i+1, cloud.what), bytes, mostMemory) && good
		}
	}
	if !good {
		return Fail
	}
	return nil
}

// within prints a size, and tells whether it is small enough.
func within(what string, size, most int64) bool {
	verdict := "good"
	if size > most {
		verdict = "too large"
	}
	fmt.Printf("%-24s %5.1f MB, at most %d: %s\n", what, float64(size)/1e6, most/1e6, verdict)
	return size <= most
}

// stripped builds the program as it is put on machines of an architecture.
func stripped(ctx context.Context, root, arch string) (string, error) {
	path := filepath.Join(root, binFolder, "picloud-linux-"+arch)
	tell("building %s", path)
	defer tell("")
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", path, ".")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("size: build for linux/%s: %w: %s", arch, err, bytes.TrimSpace(out))
	}
	return path, nil
}

// idle runs a cloud for a while and returns its nodes' resident memory, in bytes.
func idle(ctx context.Context, program string, bare bool, wait time.Duration) (_ []int64, err error) {
	folder, err := os.MkdirTemp("", "picloud-size-")
	if err != nil {
		return nil, err
	}
	names := []string{"pi-1", "pi-2", "pi-3"}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	p, err := shelf.FindPlace(names, 11)
	if err != nil {
		return nil, err
	}
	n := p.Ports
	s := &home{Shelf: shelf.Shelf{Folder: folder, Program: program}, bare: bare, names: names, addrs: p.Addresses,
		ports: ports{store: n[0], http: n[1], redis: n[2], web: n[3], tls: n[4], pinboard: n[5], queue: n[6], mail: n[7], cache: n[8], abuse: n[9]}, moderators: "moderator"}
	if !bare {
		s.also = func(c *node.Config) { c.Health, c.Proof = &node.Health{}, &node.Proof{Port: n[10], Batch: "one"} }
	}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	nodes, stop := context.WithCancel(ctx)
	all := s.begin(nodes)
	defer all.Wait()
	defer stop()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	tell("the nodes have nothing to do for %s", wait)
	defer tell("")
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var memory []int64
	for _, name := range names {
		n, err := resident(s.File(name, ".pid"))
		if err != nil {
			return nil, err
		}
		memory = append(memory, n)
	}
	return memory, nil
}

// resident returns the resident memory of a process whose number stands in a file.
func resident(pidFile string) (int64, error) {
	pid, err := os.ReadFile(pidFile)
	if err != nil {
		return 0, err
	}
	path := filepath.Join("/proc", string(bytes.TrimSpace(pid)), "status")
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if rest, is := bytes.CutPrefix(line, []byte("VmRSS:")); is {
			n, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("%s does not tell the resident memory", path)
}
