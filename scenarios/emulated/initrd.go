package emulated

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"picloud/scenarios/emulated/inside"
)

// needed is what the guest's kernel has as modules and needs: USB and its network card, the processor's temperature, the I²C buses, the
// generator of random numbers, and watchdogs. The first watchdog is /dev/watchdog: that of the kernel's own timers, as QEMU's does not
// count (see the README). The second is the board's, which also resets the board when the kernel wants that.
var needed = []string{"phy-generic", "dwc2", "cdc_ether", "bcm2835_thermal", "i2c-bcm2835", "i2c-dev", "spi-bcm2835", "bcm2835-rng", "softdog", "bcm2835_wdt"}

// parameters are those of modules, by file. The watchdog waits as long as a Pi's does.
var parameters = map[string]string{"softdog.ko": "soft_margin=15"}

// Build builds picloud and the guest's first process for the Pi, and puts them into a file with the kernel's modules: the first file system
// of a guest. It must run inside a checkout.
func Build(ctx context.Context, k *Kernel, folder string) (initrd string, err error) {
	var archive bytes.Buffer
	c := &cpio{out: &archive}
	c.folder(inside.Modules)
	modules, err := Modules(k.Modules, needed...)
	if err != nil {
		return "", err
	}
	var list bytes.Buffer
	for _, path := range modules {
		content, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("emulated: read a kernel module: %w", err)
		}
		fmt.Fprintln(&list, filepath.Base(path), parameters[filepath.Base(path)])
		c.file(inside.Modules+"/"+filepath.Base(path), content)
	}
	c.file(inside.List, list.Bytes())
	for name, pkg := range map[string]string{inside.Init: "picloud/scenarios/emulated/guest", inside.Program: "picloud"} {
		path := filepath.Join(folder, name)
		if _, err := output(ctx, "", "env", "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64", "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, pkg); err != nil {
			return "", fmt.Errorf("emulated: build %s: %w", pkg, err)
		}
		program, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("emulated: read what was built: %w", err)
		}
		c.file(name, program)
	}
	if err := c.close(); err != nil {
		return "", err
	}
	initrd = filepath.Join(folder, "initrd.cpio")
	return initrd, os.WriteFile(initrd, archive.Bytes(), 0o644)
}
