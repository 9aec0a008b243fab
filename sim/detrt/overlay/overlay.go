// Package overlay writes the build overlay that makes a Go program deterministic on a simulated
// machine: it reads the sources of the pinned toolchain, edits a few of them and adds some, and
// leaves a file for the go command's -overlay flag.
//
// Invariants: every edit is anchored on the text it replaces, which must stand there exactly
// once; every edit is inert outside a simulated machine; the toolchain is the one that go.mod
// pins. A program that is built with the tag but without the overlay does not link, because
// package detrt's functions are missing.
package overlay

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"picloud/sim/channel"
)

// Version is the toolchain that the edits are made for; go.mod names the same.
const Version = "go1.26.8"

// Tag is the build tag that joins package detrt to the overlay.
const Tag = "detrt"

// Experiment switches off an optimisation of the compiler that allocates past mallocgc, where
// allocations are counted and preempted.
const Experiment = "nosizespecializedmalloc"

//go:embed runtime/*.txt
var added embed.FS

// edit returns what the overlay puts in place of the toolchain's files: contents by path below
// GOROOT/src. The import path is that of package detrt.
func edit(goroot, arch, detrt string, hunks []hunk) (map[string]string, error) {
	files := map[string]string{}
	for _, h := range hunks {
		name := strings.ReplaceAll(h.file, "{arch}", arch)
		text, seen := files[name]
		if !seen {
			b, err := os.ReadFile(filepath.Join(goroot, "src", name))
			if err != nil {
				return nil, fmt.Errorf("overlay: the toolchain lacks a file to edit: %w", err)
			}
			text = string(b)
		}
		if n := strings.Count(text, h.old); n != 1 {
			return nil, fmt.Errorf("overlay: %s: the anchor of the edit %q stands %d times instead of once: %q",
				name, h.name, n, h.old)
		}
		files[name] = strings.Replace(text, h.old, h.new, 1)
	}
	for _, name := range []string{"sim.go", "sim_linux.go", "sim_linux_" + arch + ".go"} {
		b, err := added.ReadFile("runtime/" + name + ".txt")
		if err != nil {
			return nil, fmt.Errorf("overlay: no system call list for the architecture %q: %w", arch, err)
		}
		files["runtime/"+name] = strings.ReplaceAll(string(b), "{{.Detrt}}", detrt)
	}
	files["runtime/sim_words.go"] = words()
	return files, nil
}

// words returns the constants of the page shared with the kernel, as the runtime's source.
func words() string {
	var b strings.Builder
	b.WriteString("package runtime\n\nconst (\n")
	for _, w := range channel.Names() {
		fmt.Fprintf(&b, "\tsimWord%s = %d\n", w.Name, w.Word)
	}
	fmt.Fprintf(&b, "\tsimTurnKernel = %d\n\tsimTurnProcess = %d\n", channel.TurnKernel, channel.TurnProcess)
	fmt.Fprintf(&b, "\tsimBlockBytes = %d\n\tsimBlockFD = %d\n", channel.Bytes, channel.BlockFD)
	fmt.Fprintf(&b, "\tsimEnv = %q\n)\n", channel.EnvMachine+"=")
	return b.String()
}

// write writes the overlay for a toolchain into a folder named after its contents below dir and
// returns the path of the file for -overlay. An overlay that is there already is kept.
func write(goroot string, files map[string]string, dir string) (string, error) {
	names := make([]string, 0, len(files))
	h := sha256.New()
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(h, "%s %d\n%s", filepath.Join(goroot, name), len(files[name]), files[name])
	}
	dir, err := filepath.Abs(filepath.Join(dir, hex.EncodeToString(h.Sum(nil)[:8])))
	if err != nil {
		return "", err
	}
	list := filepath.Join(dir, "overlay.json")
	if _, err := os.Stat(list); err == nil {
		return list, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("overlay: %w", err)
	}
	replace := map[string]string{}
	for _, name := range names {
		target := filepath.Join(goroot, "src", name)
		path := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(path, []byte(files[name]), 0o644); err != nil {
			return "", fmt.Errorf("overlay: %w", err)
		}
		replace[target] = path
	}
	b, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return "", err
	}
	// The list comes last and in one step: where it stands, the overlay is whole.
	if err := os.WriteFile(list+".new", b, 0o644); err != nil {
		return "", fmt.Errorf("overlay: %w", err)
	}
	return list, os.Rename(list+".new", list)
}
