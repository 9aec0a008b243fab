package chaos

// Ways returns the ways from machine to machine that a fault of the network breaks, as the simulated network has them.
func (t *Topology) Ways(f *Fault) [][2]string {
	names := f.Target.A
	between := func(a, b []string) [][2]string { return t.Pairs(Target{Type: OnSides, A: a, B: b}) }
	switch f.Kind {
	case PartitionOne, PartitionMinority:
		return between(names, t.Others(names))
	case PartitionBridge:
		rest := names[1:]
		return between(rest[:len(rest)/2], rest[len(rest)/2:])
	case PartitionRing:
		return ring(names)
	}
	return t.Pairs(f.Target)
}

// Others returns the machines that are not listed.
func (t *Topology) Others(names []string) []string { return without(t.Names(), names) }

// ring returns the ways between machines that are too far apart on a ring.
func ring(names []string) (ways [][2]string) {
	reach := (len(names)/2 + 1) / 2 // neighbours on either side
	for i, a := range names {
		for j, b := range names {
			apart := (j - i + len(names)) % len(names)
			if min(apart, len(names)-apart) > reach {
				ways = append(ways, [2]string{a, b})
			}
		}
	}
	return ways
}
