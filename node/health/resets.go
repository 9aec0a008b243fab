package health

import (
	"time"

	"picloud/hw"
	"picloud/node/owned"
)

// resetsFile holds when the board was reset.
const resetsFile = "health-resets"

// resetsNote is what stands in the file.
type resetsNote struct {
	Boot   string      `json:"boot"`             // of the kernel that runs, or ran last
	Ended  bool        `json:"ended,omitempty"`  // the node was stopped while that kernel ran
	Resets []time.Time `json:"resets,omitempty"` // when the node found that the kernel was another one, and had not been stopped before
}

// resets counts how often the board was reset without having been asked to. A reset takes everything with it that the node knew of why it
// came, so it stands on the card.
type resets struct {
	note resetsNote
	err  error // why it is not known
}

// begin reads the card, and notes that the board was reset if it was. What is on a card that cannot be read or written counts as nothing:
// what is wrong with it, others find out.
func (r *resets) begin(kit *Kit, now time.Time) {
	reading := kit.Board.Read()
	boot, err := reading.Boot.Get()
	if r.err = err; err != nil {
		return
	}
	before := resetsNote{}
	is, err := owned.Read(kit.Disk, resetsFile, kit.Owner, &before)
	if err != nil {
		is, before = false, resetsNote{}
	}
	r.note = resetsNote{Boot: boot, Resets: before.Resets}
	if is && before.Boot != boot && !before.Ended {
		r.note.Resets = append(r.note.Resets, now)
	}
	r.count(now)
	r.err = owned.Write(kit.Disk, resetsFile, kit.Owner, &r.note)
}

// end notes that the node was stopped, so that the next start is none that nobody asked for.
func (r *resets) end(kit *Kit) {
	if r.err != nil {
		return
	}
	r.note.Ended = true
	if err := owned.Write(kit.Disk, resetsFile, kit.Owner, &r.note); err != nil {
		kit.Log.Warn("the card does not take that the node was stopped: its next start will count as a reset", "error", err.Error())
	}
}

// count returns how many of the last minutes' resets there were. Those that lie ahead are of a clock that was wrong, and are forgotten.
func (r *resets) count(now time.Time) hw.Value[int64] {
	if r.err != nil {
		return hw.Unknown[int64](r.err)
	}
	var recent []time.Time
	for _, t := range r.note.Resets {
		if !t.After(now) && now.Sub(t) < resetsOver {
			recent = append(recent, t)
		}
	}
	r.note.Resets = recent
	return hw.Known(int64(len(recent)))
}
