package health

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/hw"
	"picloud/node/api"
	"picloud/node/owned"
)

const (
	// fenceFile stands on a card that a node must not come back with.
	fenceFile = "health-fenced"
	// probeFile holds a number that rises.
	probeFile = "health-probe"
)

func fencedRow(node string) string { return rows + "fenced/" + node }

// fenceNote is what stands in the file.
type fenceNote struct {
	Why      string    `json:"why"`
	At       time.Time `json:"at"`
	Forgiven bool      `json:"forgiven,omitempty"` // somebody has looked at the card, and it may be used
}

// Fenced says why a node must not start with a card, empty if it may. The file of a card that says nothing sensible counts as none: what
// is wrong with such a card the store finds out.
func Fenced(disk vfs.FS, owner owned.Owner) string {
	var note fenceNote
	if is, err := owned.Read(disk, fenceFile, owner, &note); err != nil || !is || note.Forgiven {
		return ""
	}
	return fmt.Sprintf("health: the node was fenced at %s, as %s; put in a new card, or look at this one and run picloud health -forgive",
		note.At.UTC().Format(time.RFC3339), note.Why)
}

// Forgive lets a node start with its card again.
func Forgive(disk vfs.FS, owner owned.Owner) error {
	return owned.Write(disk, fenceFile, owner, fenceNote{At: time.Now(), Forgiven: true})
}

// fence ends the node for as long as it has this card.
func (e *Engine) fence(entry *Entry) error {
	why := fmt.Sprintf("rule %s was raised (%d)", entry.Rule, entry.Value)
	if err := owned.Write(e.kit.Disk, fenceFile, e.kit.Owner, fenceNote{Why: why, At: entry.At}); err != nil {
		e.kit.Log.Warn("the card does not take that it is fenced: the store knows it", "error", err.Error())
	}
	e.kit.Self.Fence(why)
	return nil
}

// Surrender writes down that a node cannot start with its card and is out of service, as if it had been fenced.
func Surrender(ctx context.Context, store api.Store, node, card string) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	entry := Entry{At: time.Now(), Node: node, Rule: "card-read-only", Action: Fence, Subject: node}
	written, err := put(&entry)
	if err != nil {
		return err
	}
	_, err = store.Txn(ctx, &api.Txn{Then: []api.Op{
		written,
		{Kind: api.Put, Key: outRow(node), Value: []byte(Fence)},
		{Kind: api.Put, Key: fencedRow(node), Value: []byte(card)},
	}})
	return err
}

// cardSerial names the card; empty if nobody knows.
func (e *Engine) cardSerial() string {
	r, _ := e.kit.Last()
	serial, _ := r.Card.Serial.Get() // unknown is empty
	return serial
}

// prober looks whether the card gives back what was written to it.
type prober struct {
	*Engine
	begun  bool
	last   uint64 // that was written, and synced
	unsure bool   // whether the one behind it was written, too
	lies   bool
}

// proof is what the store knows of a card.
type proof struct {
	Card string `json:"card"`
	Last uint64 `json:"last"`
}

// probe reads what was written last, and writes more. At the start what counts is what the run before has told the store: a
// card may accept writes and drop them, and its machine sees that when it starts again.
func (p *prober) probe(ctx context.Context) {
	if !p.begun {
		if err := p.begin(ctx); err != nil {
			p.kit.Log.WarnContext(ctx, "the card is not proved yet", "error", err.Error())
			return
		}
		p.begun = true
	}
	got, err := p.readBack()
	if err == nil && p.unsure && got == p.last+1 {
		p.last = got
	}
	switch {
	case api.KindOf(err) == api.Damaged, err == nil && got != p.last:
		p.lies = true
	case err == nil:
		err = owned.Write(p.kit.Disk, probeFile, p.kit.Owner, p.last+1)
		if p.unsure = err != nil; !p.unsure {
			p.last++
			p.tell(ctx)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cardLies = hw.Read(p.lies, err)
	if p.lies {
		p.cardLies = hw.Known(true)
	}
}

func (p *prober) readBack() (n uint64, err error) {
	_, err = owned.Read(p.kit.Disk, probeFile, p.kit.Owner, &n)
	return n, err
}

// begin compares the card with what the store knows of it, and with whether it was fenced.
func (p *prober) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	reply, err := p.kit.Store.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: probeRow(p.me)}, {Kind: api.Get, Key: fencedRow(p.me)},
		{Kind: api.Get, Key: budgetRow}, {Kind: api.Get, Key: tokenRow}}})
	if err != nil {
		return err
	}
	for _, r := range reply.Results[2].Records {
		if t := (Treatment{}); json.Unmarshal(r.Value, &t) == nil && t.Node == p.me && t.Subject == p.me {
			return fmt.Errorf("health: the node is about to %s, and not back", t.Action)
		}
	}
	serial := p.cardSerial()
	var note fenceNote
	is, err := owned.Read(p.kit.Disk, fenceFile, p.kit.Owner, &note)
	forgiven := err == nil && is && note.Forgiven
	if fenced := reply.Results[1].Records; len(fenced) > 0 && !forgiven && p.config.Mode == On {
		switch card := string(fenced[0].Value); {
		case serial != "" && card == serial:
			return p.fence(&Entry{At: time.Now(), Rule: "fenced"})
		case serial == "" && card != "" && p.info.Has[hw.ReadCard] == nil:
			return errors.New("health: the node was fenced with a card, and the number of this one is not known yet")
		}
	}
	if err := p.isBack(ctx, reply.Results[3].Records, forgiven); err != nil {
		return err
	}
	p.last, err = p.readBack()
	if err != nil && api.KindOf(err) != api.Damaged {
		return err
	}
	for _, r := range reply.Results[0].Records {
		known := proof{}
		if json.Unmarshal(r.Value, &known) == nil && serial != "" && known.Card == serial && p.last < known.Last && !forgiven {
			p.lies = true
		}
	}
	return nil
}

// isBack tells the store that the node is back, whatever it was out for, unless it was treated meanwhile: the token is the last no more, or it
// is drained. If it takes a place in a group again, nobody has begun to replace it there.
func (p *prober) isBack(ctx context.Context, token []api.Record, forgiven bool) error {
	swaps := swapRows(p.me) + "/"
	t := &api.Txn{If: []api.Compare{api.Absent(tokenRow)}, Then: []api.Op{{Kind: api.Delete, Key: fencedRow(p.me)},
		{Kind: api.DeleteRange, Key: swaps, End: api.PrefixEnd(swaps)}}}
	if len(token) > 0 {
		t.If[0] = api.Unchanged(tokenRow, &token[0])
	}
	p.mu.Lock()
	if !p.drained {
		t.Then = append(t.Then, api.Op{Kind: api.Delete, Key: outRow(p.me)})
	}
	p.mu.Unlock()
	if forgiven { // with all that the card had lost by then
		t.Then = append(t.Then, api.Op{Kind: api.Delete, Key: probeRow(p.me)})
	}
	reply, err := p.kit.Store.Txn(ctx, t)
	if err == nil && !reply.Succeeded {
		err = errors.New("health: somebody was treated while the node was about to say that it is back")
	}
	if err != nil || !forgiven {
		return err
	}
	if err := p.kit.Disk.Remove(fenceFile); !errors.Is(err, fs.ErrNotExist) { // not before the store knows it
		return err
	}
	return nil
}

// tell tells the store how far the card is proved.
func (p *prober) tell(ctx context.Context) {
	value, err := json.Marshal(proof{p.cardSerial(), p.last})
	if err == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, attempt)
		defer cancel()
		_, err = p.kit.Store.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Put, Key: probeRow(p.me), Value: value}}})
	}
	if err != nil && ctx.Err() == nil {
		p.kit.Log.WarnContext(ctx, "the store does not hear that the card is well", "error", err.Error())
	}
}
