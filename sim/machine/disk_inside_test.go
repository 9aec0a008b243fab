package machine_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"picloud/node/host/hosttest"
	"picloud/sim/channel"
	"picloud/sim/disk"
	"picloud/sim/kernel"
	"picloud/sim/machine"
	"picloud/sim/simtest"
)

// withCard gives a machine a card.
func withCard(t *testing.T, cfg disk.Config) func(k *kernel.Kernel, m *kernel.Machine) {
	return func(k *kernel.Kernel, m *kernel.Machine) {
		cfg.Publish = m.PublishDisk
		card, err := disk.New(k.Loop, m.Name, cfg)
		if err != nil {
			t.Fatal(err)
		}
		m.PublishDisk(card.State())
		m.Attach(channel.ClassDisk, card)
	}
}

// The same contract holds where the disk will be used: in a process, with the kernel between.
func TestDiskInsideAMachine(t *testing.T) {
	simtest.Inside(t, 24*time.Hour, withCard(t, disk.Config{Profile: disk.SDGood}), func(t *testing.T, p *machine.Port) {
		d := machine.NewDisk(p, p.DiskState)
		hosttest.DiskStories(t, func(t *testing.T) vfs.FS { return emptied(t, d) })
		model := rapid.MakeFuzz(hosttest.DiskModel(emptied(t, d)))
		rng := rand.New(rand.NewChaCha8([32]byte{}))
		for range 20 {
			choices := make([]byte, 1<<20)
			for i := range choices {
				choices[i] = byte(rng.Uint32())
			}
			t.Run("any operations", func(t *testing.T) { model(t, choices) })
		}
	})
}

// emptied removes all that is on the disk.
func emptied(t *testing.T, d vfs.FS) vfs.FS {
	names, err := d.List("/")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := d.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
	return d
}
