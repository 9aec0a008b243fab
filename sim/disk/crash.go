package disk

import (
	"maps"
	"slices"
)

// Crash says what a power cut does to pending operations. In each mode the card is left in a state
// that Outcomes lists.
type Crash uint8

// The modes of a power cut.
const (
	DrawCrash Crash = iota // one of the others, drawn
	LoseAll                // only what is durable survives
	KeepAll                // everything survives
	Prefix                 // everything up to a point in time survives: nothing is reordered
	Subset                 // each page, length and directory stops at a point of its own
	Torn                   // each sector does: pages are torn
	endCrash
)

// A unit is what a power cut leaves in one piece: it stops at one of the operations that changed
// it. The units of a card are independent of one another.
type unit struct {
	kind  unitKind
	inode uint64
	index int64
}

type unitKind uint8

const (
	sizeUnit   unitKind = iota // the length of a file
	sectorUnit                 // a sector of a file
	dirUnit                    // the names of a directory
	opUnit                     // a single change of names, on cards of any order
)

// cuts says for each unit the last operation on it that survives. A unit that is missing loses all.
type cuts map[unit]uint64

// history is a unit with the operations that changed it, in order.
type history struct {
	unit
	ops []uint64
}

// histories returns all units with pending operations, in an order that depends on the operations
// only.
func (c *Card) histories() []history {
	var all []history
	place := make(map[unit]int)
	add := func(u unit, seq uint64) {
		i, ok := place[u]
		if !ok {
			i = len(all)
			place[u] = i
			all = append(all, history{unit: u})
		}
		if h := &all[i]; len(h.ops) == 0 || h.ops[len(h.ops)-1] != seq {
			h.ops = append(h.ops, seq)
		}
	}
	for _, o := range c.journal {
		for _, u := range c.unitsOf(o) {
			add(u, o.seq)
		}
	}
	for _, ino := range c.reachable() {
		size, end := ino.durableSize, ino.durableSize // behind the end all has been zeros
		for _, o := range ino.ops {
			if o.size != size {
				add(unit{sizeUnit, ino.no, 0}, o.seq)
			}
			size, end = o.size, max(end, o.size)
			from, to := o.off, o.off+int64(len(o.data))
			if o.data == nil {
				from, to = o.size, end
			}
			for s := from / sectorSize; s*sectorSize < to; s++ {
				add(unit{sectorUnit, ino.no, s}, o.seq)
			}
		}
	}
	return all
}

func (c *Card) unitsOf(o *entryOp) []unit {
	if c.cfg.AnyOrder {
		return []unit{{opUnit, 0, int64(o.seq)}}
	}
	var units []unit
	for _, s := range o.sets {
		units = append(units, unit{dirUnit, s.dir.no, 0})
	}
	return units
}

// reachable returns every file that has a name in the view or that some power cut could leave on
// the card, in an order that depends on names and operations only.
func (c *Card) reachable() []*inode {
	var found []*inode
	seen := make(map[*inode]bool)
	var visit func(ino *inode)
	visit = func(ino *inode) {
		if ino == nil || seen[ino] {
			return
		}
		seen[ino] = true
		found = append(found, ino)
		for _, names := range []map[string]*inode{ino.durable, ino.entries} {
			for _, name := range slices.Sorted(maps.Keys(names)) {
				visit(names[name])
			}
		}
	}
	visit(c.root)
	for _, o := range c.journal {
		for _, s := range o.sets {
			visit(s.dir)
			visit(s.ino)
		}
	}
	return found
}

// draw returns the cuts of a power cut in a mode.
func (c *Card) draw(mode Crash) cuts {
	if mode == DrawCrash {
		mode = LoseAll + Crash(c.crash.IntN(int(endCrash-LoseAll)))
	}
	chosen := make(cuts)
	if mode == LoseAll {
		return chosen
	}
	all := c.histories()
	if len(all) == 0 {
		return chosen
	}
	now := c.seq
	if mode == Prefix {
		now = c.drawPoint(all)
	}
	pages := make(map[unit][]uint64) // the operations on a page, from all its sectors
	for _, h := range all {
		u := h.page()
		pages[u] = append(pages[u], h.ops...)
	}
	drawn := make(cuts)
	for _, h := range all {
		switch mode {
		case KeepAll, Prefix:
			chosen[h.unit] = now
		case Torn:
			chosen[h.unit] = c.drawCut(h.ops)
		case Subset:
			u := h.page()
			if _, ok := drawn[u]; !ok {
				slices.Sort(pages[u])
				drawn[u] = c.drawCut(slices.Compact(pages[u]))
			}
			chosen[h.unit] = drawn[u]
		}
	}
	return chosen
}

// page returns the unit, or for a sector the page that it is part of.
func (u unit) page() unit {
	if u.kind == sectorUnit {
		u.index /= blockSize / sectorSize
	}
	return u
}

// drawPoint draws one of all operations that are pending, or none.
func (c *Card) drawPoint(all []history) uint64 {
	var ops []uint64
	for _, h := range all {
		ops = append(ops, h.ops...)
	}
	slices.Sort(ops)
	return c.drawCut(slices.Compact(ops))
}

// drawCut draws where a unit stops: often at nothing or at all, else anywhere.
func (c *Card) drawCut(ops []uint64) uint64 {
	switch c.crash.IntN(3) {
	case 0:
		return 0
	case 1:
		return ops[len(ops)-1]
	}
	if i := c.crash.IntN(len(ops) + 1); i > 0 {
		return ops[i-1]
	}
	return 0
}

// collapse carries out on the medium what survives, and forgets the rest.
func (c *Card) collapse(chosen cuts) {
	files := c.reachable()
	c.collapseNames(chosen)
	for _, ino := range files {
		size := ino.durableSize
		sizeCut := chosen[unit{sizeUnit, ino.no, 0}]
		for i := range ino.ops {
			o := &ino.ops[i]
			if o.seq <= sizeCut {
				if o.data != nil && o.size < size { // behind a cut that was forgotten
					ino.cutMedium(o.size)
				}
				size = o.size
			}
			if o.data == nil {
				ino.collapseCut(o, chosen)
			}
			for from, to := o.off, o.off+int64(len(o.data)); from < to; {
				end := min(to, (from/sectorSize+1)*sectorSize)
				if o.seq <= chosen[unit{sectorUnit, ino.no, from / sectorSize}] {
					ino.putMedium(from, o.data[from-o.off:end-o.off])
				}
				from = end
			}
		}
		ino.cutMedium(size)
		ino.durableSize = size
	}
}

// collapseCut clears the sectors behind the new end of a file that was cut.
func (ino *inode) collapseCut(o *op, chosen cuts) {
	for from := o.size; from < int64(len(ino.blocks))*blockSize; {
		end := (from/sectorSize + 1) * sectorSize
		if o.seq <= chosen[unit{sectorUnit, ino.no, from / sectorSize}] {
			ino.putMedium(from, make([]byte, end-from))
		}
		from = end
	}
}

// collapseNames keeps of each directory what its cut says. A rename between two directories holds
// or fails in both, and what comes after one that fails has failed too.
func (c *Card) collapseNames(chosen cuts) {
	stopped := make(map[*inode]bool)
	for _, o := range c.journal {
		kept := true
		for _, u := range c.unitsOf(o) {
			kept = kept && o.seq <= chosen[u]
		}
		for _, s := range o.sets {
			kept = kept && (c.cfg.AnyOrder || !stopped[s.dir])
		}
		for _, s := range o.sets {
			if kept {
				s.apply(s.dir.durable)
			} else {
				stopped[s.dir] = true
			}
		}
	}
	c.journal = nil
}

// Outcomes returns all different contents that a power cut at this moment could leave, in a fixed
// order, or false when there are more than limit combinations to try.
func (c *Card) Outcomes(limit int) ([]Snapshot, bool) {
	all := c.histories()
	combinations := 1
	for _, h := range all {
		if combinations *= len(h.ops) + 1; combinations > limit {
			return nil, false
		}
	}
	var found []Snapshot
	seen := make(map[string]bool)
	for n := range combinations {
		chosen := make(cuts)
		for _, h := range all {
			if i := n % (len(h.ops) + 1); i > 0 {
				chosen[h.unit] = h.ops[i-1]
			}
			n /= len(h.ops) + 1
		}
		clone := c.cloneMedium()
		clone.collapse(chosen)
		s := clone.Medium()
		if key := s.String(); !seen[key] {
			seen[key] = true
			found = append(found, s)
		}
	}
	return found, true
}

// cloneMedium returns a copy of the medium and of what is pending, good for collapse and Medium
// only.
func (c *Card) cloneMedium() *Card {
	copies := make(map[*inode]*inode)
	for _, ino := range c.reachable() {
		twin := &inode{no: ino.no, dir: ino.dir, durableSize: ino.durableSize, ops: ino.ops}
		twin.blocks = make([]block, len(ino.blocks))
		for i, b := range ino.blocks {
			if b.medium != nil {
				m := *b.medium
				twin.blocks[i].medium = &m
			}
		}
		copies[ino] = twin
	}
	for ino, twin := range copies {
		if ino.dir {
			twin.durable = make(map[string]*inode)
			for name, child := range ino.durable {
				twin.durable[name] = copies[child]
			}
		}
	}
	clone := &Card{cfg: c.cfg, root: copies[c.root]}
	for _, o := range c.journal {
		sets := make([]entrySet, len(o.sets))
		for i, s := range o.sets {
			sets[i] = entrySet{copies[s.dir], s.name, copies[s.ino]}
		}
		clone.journal = append(clone.journal, &entryOp{o.seq, sets})
	}
	return clone
}
