package emulated

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// kernelPackage is the meta package whose newest version is used: single versions are taken out of Debian's archive by point releases.
const kernelPackage = "linux-image-arm64"

// debian is where the kernel comes from, whatever runs here: what the guest loads and how the tree is written fit this release.
const debian = `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian-security bookworm-security main
`

// revision is the code of a Raspberry Pi 3 Model B 1.2, which the firmware of a Pi writes into the device tree and QEMU does not.
const revision = "a02082"

// listsAge is for how long the lists of packages are good.
const listsAge = 24 * time.Hour

// Kernel is Debian's kernel for Pis with 64 bits.
type Kernel struct {
	Version string // of the package
	Image   string // the file
	Modules string // the folder of its modules
	Tree    string // the device tree of a Raspberry Pi 3 Model B
}

// FindKernel returns the newest kernel of the release, from the folder cache or, where it is not there, from Debian's archive, with the
// check of signatures that apt makes. Without a way to the archive it returns the newest one of the cache.
func FindKernel(ctx context.Context, cache string, say func(string)) (*Kernel, error) {
	a := &apt{folder: filepath.Join(cache, "apt")}
	name, version, err := a.newest(ctx)
	if err != nil {
		kept, none := filepath.Glob(filepath.Join(cache, "kernel", "*"))
		if none != nil || len(kept) == 0 {
			return nil, fmt.Errorf("emulated: find the newest version of %s: %w", kernelPackage, err)
		}
		newest := kept[0]
		for _, k := range kept {
			if age(k) < age(newest) {
				newest = k
			}
		}
		say(fmt.Sprintf("Debian's archive cannot be asked, so the kernel is %s: %v", filepath.Base(newest), err))
		return unpacked(newest)
	}
	folder := filepath.Join(cache, "kernel", name+"_"+version)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		say(fmt.Sprintf("downloading %s %s (60 MB) into %s", name, version, folder))
		if err := a.download(ctx, name, version, folder); err != nil {
			return nil, fmt.Errorf("emulated: download %s %s: %w", name, version, err)
		}
	}
	return unpacked(folder)
}

// age is for how long a file has not been written; a long time if it does not exist.
func age(path string) time.Duration {
	info, err := os.Stat(path)
	if err != nil {
		return 1 << 62
	}
	return time.Since(info.ModTime())
}

// unpacked finds a kernel's files.
func unpacked(folder string) (*Kernel, error) {
	k := &Kernel{Version: filepath.Base(folder), Tree: filepath.Join(folder, "tree.dtb")}
	for _, f := range []struct {
		into    *string
		pattern string
	}{{&k.Image, "boot/vmlinuz-*"}, {&k.Modules, "lib/modules/*"}} {
		found, err := filepath.Glob(filepath.Join(folder, f.pattern))
		if err != nil || len(found) != 1 {
			return nil, fmt.Errorf("emulated: %s has %d files %s, not one; remove the folder to have the kernel downloaded again", folder, len(found), f.pattern)
		}
		*f.into = found[0]
	}
	return k, nil
}

// apt is a private apt: it has lists and packages of its own, of another architecture, and needs no rights.
type apt struct{ folder string }

// stamp is a file that was written when the lists of packages were fetched.
func (a *apt) stamp() string { return filepath.Join(a.folder, "updated") }

func (a *apt) run(ctx context.Context, dir, program string, args ...string) ([]byte, error) {
	sources := filepath.Join(a.folder, "sources.list")
	args = append([]string{
		"-o", "Dir::State=" + filepath.Join(a.folder, "state"), "-o", "Dir::State::status=/dev/null", "-o", "Dir::Cache=" + filepath.Join(a.folder, "cache"),
		"-o", "Dir::Etc::sourcelist=" + sources, "-o", "Dir::Etc::sourceparts=-", "-o", "APT::Architecture=arm64", "-o", "APT::Architectures::=arm64",
		"-o", "APT::Sandbox::User=", // the user _apt has no way into a home folder
		"-o", "Acquire::Languages=none", "-o", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
	}, args...)
	return output(ctx, dir, program, args...)
}

// output runs a program and returns its standard output; what it says on standard error is in the error.
func output(ctx context.Context, dir, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(complaint.String()))
	}
	return out, nil
}

// depends is what a meta package's record says of the package that it stands for.
var depends = regexp.MustCompile(`(?m)^Depends: (linux-image-\S+) \(= ([^)]+)\)`)

// newest returns the package of the newest kernel.
func (a *apt) newest(ctx context.Context) (name, version string, err error) {
	for _, d := range []string{"state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.folder, d), 0o755); err != nil {
			return "", "", err
		}
	}
	if err := os.WriteFile(filepath.Join(a.folder, "sources.list"), []byte(debian), 0o644); err != nil {
		return "", "", err
	}
	if age(a.stamp()) > listsAge {
		if _, err := a.run(ctx, "", "apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any"); err != nil {
			return "", "", err
		}
		if err := os.WriteFile(a.stamp(), nil, 0o644); err != nil {
			return "", "", err
		}
	}
	record, err := a.run(ctx, "", "apt-cache", "show", "--no-all-versions", kernelPackage)
	if err != nil {
		return "", "", err
	}
	found := depends.FindSubmatch(record)
	if found == nil {
		return "", "", fmt.Errorf("the record of %s names no kernel: %.200s", kernelPackage, record)
	}
	return string(found[1]), string(found[2]), nil
}

// download makes a folder with a kernel, or makes none.
func (a *apt) download(ctx context.Context, name, version, folder string) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(a.folder, "download")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if _, err := a.run(ctx, work, "apt-get", "download", "-q", name+"="+version); err != nil {
		return errors.Join(err, os.Remove(a.stamp())) // the archive may have a newer one already
	}
	debs, err := filepath.Glob(filepath.Join(work, "*.deb"))
	if err != nil || len(debs) != 1 {
		return fmt.Errorf("apt-get has left %d packages, not one", len(debs))
	}
	inside := filepath.Join(work, "kernel")
	if _, err := output(ctx, work, "dpkg-deb", "-x", debs[0], inside); err != nil {
		return err
	}
	if err := writeTree(ctx, inside); err != nil {
		return err
	}
	return os.Rename(inside, folder)
}

// writeTree puts into the board's device tree what the firmware of a Pi does: without it the board has no revision.
func writeTree(ctx context.Context, kernel string) error {
	found, err := filepath.Glob(filepath.Join(kernel, "usr/lib/linux-image-*/broadcom/bcm2837-rpi-3-b.dtb"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("the package has %d device trees of the board, not one", len(found))
	}
	tree, err := os.ReadFile(found[0])
	if err != nil {
		return err
	}
	written := filepath.Join(kernel, "tree.dtb")
	if err := os.WriteFile(written, tree, 0o644); err != nil {
		return err
	}
	if _, err := output(ctx, "", "fdtput", "-c", written, "/system"); err != nil {
		return err
	}
	_, err = output(ctx, "", "fdtput", "-t", "x", written, "/system", "linux,revision", revision)
	return err
}
