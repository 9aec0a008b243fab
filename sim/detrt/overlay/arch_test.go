package overlay

import (
	"strings"
	"testing"
)

// arm64Stories are the stories that need an edit which is for arm64 only, by edit.
var arm64Stories = map[string]string{
	"wall-arm64": "a sleep takes virtual time, from the kernel's epoch on",
	"aes-arm64":  "hashes do not depend on the CPU",
}

// TestArm64 runs every story in a probe for arm64, under an emulator.
func TestArm64(t *testing.T) {
	needQemu(t)
	p, err := buildProbe(t.Context(), t.TempDir(), "arm64", "", hunks)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			if strings.Contains(s.hunks, "confine") {
				t.Skip("the emulator has no filter of system calls")
			}
			if err := s.check(p); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestArchitecturesAgree compares the path that programs take on amd64 and on arm64. Preemption is
// left out: it strikes at stack checks, and small functions have one on one architecture only.
func TestArchitecturesAgree(t *testing.T) {
	needQemu(t)
	var probes [2]probe
	for i, arch := range []string{"amd64", "arm64"} {
		var err error
		if probes[i], err = buildProbe(t.Context(), t.TempDir(), arch, "", hunks); err != nil {
			t.Fatal(err)
		}
	}
	probes[0].arch = "" // runs by itself
	s := setting{explores: true}
	for s.seed = 1; s.seed <= 3; s.seed++ {
		for _, story := range [][]string{{"clock"}, {"random"}, {"timers"}, {"goroutines"}, {"preempt"}} {
			a, b := probes[0].do(s, story...), probes[1].do(s, story...)
			if a.err != nil || a.out != b.out {
				t.Errorf("seed %d, %v: amd64 %q, arm64 %q (%v, %v)", s.seed, story, a.out, b.out, a.err, b.err)
			}
		}
	}
}
