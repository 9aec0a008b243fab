package draw

import (
	"slices"

	"picloud/chaos"
	"picloud/scenarios"
)

// crashes are in every drawn cloud, so that leaders change.
func crashes() []string {
	return []string{string(chaos.Kill), string(chaos.PowerCut), string(chaos.Pause)}
}

// Kinds returns the kinds of faults that a drawn cloud may have: its machines have no modelled boards.
func Kinds() []string { return new(scenarios.Scenario).Playable() }

// faults draws what goes wrong. Most kinds are left out, so that those which take part do so often and meet; the limits are what a correct
// cloud survives. Groups of three members that share nodes bear one that is damaged, whatever the number of nodes.
func (d *drawing) faults(roles, disks string, start int, groups bool) {
	d.line("\nfaults:\n  roles: [%s]", roles)
	if disks != "" {
		d.line("  disks: [%s]", disks)
	}
	d.line("  start: %ds\n  swarm: %dppm\n  kinds:", start, one(d.from, "swarm", []int{1_000_000, 500_000}))
	for _, kind := range crashes() {
		d.line("    %s: %ds", kind, d.int("seconds between two", 5, 30))
	}
	others := slices.DeleteFunc(Kinds(), func(name string) bool { return slices.Contains(crashes(), name) })
	for _, kind := range some(d.from, "kind", others, 0, 14) {
		d.line("    %s: %ds", kind, d.int("seconds between two", 3, 30))
	}
	out, damaged := one(d.from, "out at once", []chaos.Share{chaos.One, chaos.Minority}), chaos.Minority
	if groups {
		out, damaged = chaos.One, chaos.One
	}
	d.line("  limits: {out-at-once: %s, damaged-per-run: %s, storms: %dppm, active-at-once: %d}",
		out, damaged, one(d.from, "storms", []int{0, 1_000_000}), d.int("active at once", 1, 12))
}
