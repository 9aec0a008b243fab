package health

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"picloud/node/api"
	"picloud/node/mutant"
)

// What the cluster agrees on stands in one partition, so that a transaction can look at all of it:
//
//	@health/alive/NODE           while the node is there, for Config.Live
//	@health/silent/NODE/OBSERVER while the observer does not hear the node, for Config.Live
//	@health/owner/NODE           who may cut the node's power, for Config.Live
//	@health/budget               who does what to whom, with the token, for Config.Live
//	@health/token                the last token
//	@health/out/NODE             a node that was drained, halted, fenced or left without power
//	@health/cycled/NODE/TOKEN    that its power was cut, for a day
//	@health/relay/NODE           that its relay did not move
//	@health/swap/NODE/GROUP      who takes a fenced node's place in a group, until it has it
//	@health/probe/NODE           how far its card has been proved to keep what is written
//	@health/journal/NODE/…       what was done, for thirty days
const (
	rows      = "@health/"
	budgetRow = rows + "budget"
	tokenRow  = rows + "token"
)

func aliveRow(node string) string            { return rows + "alive/" + node }
func silentRow(node, observer string) string { return rows + "silent/" + node + "/" + observer }
func ownerRow(node string) string            { return rows + "owner/" + node }
func outRow(node string) string              { return rows + "out/" + node }
func relayRow(node string) string            { return rows + "relay/" + node }
func probeRow(node string) string            { return rows + "probe/" + node }
func swapRows(node string) string            { return rows + "swap/" + node }
func swapRow(node string, group uint32) string {
	return fmt.Sprintf("%s/%d", swapRows(node), group)
}
func cycledRow(node string, token uint64) string {
	return fmt.Sprintf("%scycled/%s/%020d", rows, node, token)
}

// Action is something that is done.
type Action string

// The actions. The last five need the budget.
const (
	SetFan     Action = "fan"
	SetRest    Action = "rest"
	SetWork    Action = "work"
	SetClock   Action = "clock"
	SetLeading Action = "lead"
	AskForPart Action = "ask"
	Undrain    Action = "undrain"
	HoldBack   Action = "hold-back"
	GivePower  Action = "give-power"
	Replace    Action = "replace"
	Drain      Action = "drain"
	Halt       Action = "halt"
	Fence      Action = "fence"
	Cycle      Action = "cycle"
	LeaveOff   Action = "leave-off"
)

func actions() []Action {
	return []Action{SetFan, SetRest, SetWork, SetClock, SetLeading, AskForPart, Undrain, HoldBack, GivePower, Replace, Drain, Halt, Fence, Cycle, LeaveOff}
}

// How often a neighbour's power is cut: not again within 10, 30 and 90 minutes after the first, second and third time in a day. After
// that it is left without, for people to look at.
var backOff = [...]time.Duration{10 * time.Minute, 30 * time.Minute, 90 * time.Minute}

const (
	day       = 24 * time.Hour
	observers = 2    // nodes that must have missed a neighbour
	lag       = 1000 // entries that a member may be behind its leader and still count as well
	// attempt is how long the store may take for a call.
	attempt = 5 * time.Second
)

// Treatment is who does what to whom: what stands in the budget's row.
type Treatment struct {
	Node    string `json:"node"`
	Action  Action `json:"action"`
	Subject string `json:"subject"`
	Token   uint64 `json:"token"`
}

// view is what the rows say at one revision, as far as they bear on a treatment.
type view struct {
	budget   *api.Record
	token    *api.Record
	owner    *api.Record
	relay    *api.Record
	alive    []string          // nodes
	out      map[string]Action // nodes
	swaps    map[string]*api.Record
	silent   []string        // who does not hear the subject
	cycled   []time.Duration // ago, the last first
	treating Treatment       // of budget
	last     uint64          // of token
}

// read reads what bears on a treatment of a node.
func read(ctx context.Context, s api.Store, subject string) (*view, error) {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	scan := func(prefix string) api.Op {
		return api.Op{Kind: api.Scan, Key: prefix, End: api.PrefixEnd(prefix)}
	}
	get := func(key string) api.Op { return api.Op{Kind: api.Get, Key: key} }
	reply, err := s.Txn(ctx, &api.Txn{Then: []api.Op{get(budgetRow), get(tokenRow), get(ownerRow(subject)), get(relayRow(subject)),
		scan(rows + "alive/"), scan(rows + "out/"), scan(silentRow(subject, "")), scan(rows + "cycled/" + subject + "/"), scan(swapRows(""))}})
	if err != nil {
		return nil, err
	}
	one := func(i int) *api.Record {
		if len(reply.Results[i].Records) == 0 {
			return nil
		}
		return &reply.Results[i].Records[0]
	}
	v := &view{budget: one(0), token: one(1), owner: one(2), relay: one(3), out: map[string]Action{}, swaps: map[string]*api.Record{}}
	names := func(i int, prefix string) (all []string) {
		for _, r := range reply.Results[i].Records {
			all = append(all, strings.TrimPrefix(r.Key, prefix))
		}
		return all
	}
	v.alive, v.silent = names(4, rows+"alive/"), names(6, silentRow(subject, ""))
	for _, r := range reply.Results[5].Records {
		v.out[strings.TrimPrefix(r.Key, rows+"out/")] = Action(r.Value)
	}
	for _, r := range slices.Backward(reply.Results[7].Records) {
		v.cycled = append(v.cycled, time.Duration(r.TTL-r.Left)*time.Millisecond)
	}
	for i := range reply.Results[8].Records {
		r := &reply.Results[8].Records[i]
		v.swaps[r.Key] = r
	}
	if v.budget != nil {
		err = json.Unmarshal(v.budget.Value, &v.treating)
	}
	if err == nil && v.token != nil {
		err = json.Unmarshal(v.token.Value, &v.last)
	}
	if err != nil {
		return nil, api.Errorf(api.Damaged, "read", "the budget", "%s", err)
	}
	return v, nil
}

// refused says why something is not done now.
func refused(t *Treatment, format string, args ...any) error {
	return api.Errorf(api.ConditionFailed, string(t.Action), t.Subject, format, args...)
}

// permit says why a treatment is not allowed, by what the rows and the groups of the store say.
func (v *view) permit(t *Treatment, groups []Group) error {
	if err := v.permitAnother(t); err != nil {
		return err
	}
	switch out := v.out[t.Subject]; {
	case out == Drain && t.Action != Cycle: // it goes on to something worse
	case out == t.Action && t.Subject == t.Node: // what was written was not done: it runs
	case out == "":
	default:
		return refused(t, "it was treated already: %s", out)
	}
	if t.Action == Cycle || t.Action == LeaveOff {
		if err := v.permitCut(t); err != nil {
			return err
		}
	}
	return v.permitGroups(t, groups)
}

// permitAnother says which other treatment a treatment has to wait for. A neighbour that hangs is out of service anyway, and a card that dies
// does not wait, so these two wait for what is under way only.
func (v *view) permitAnother(t *Treatment) error {
	if mutant.Planted == mutant.BudgetIgnored {
		return nil
	}
	if v.budget != nil {
		return refused(t, "%s does %s to %s", v.treating.Node, v.treating.Action, v.treating.Subject)
	}
	for _, node := range sortedKeys(v.out) {
		if node != t.Subject && (t.Action == Drain || t.Action == Halt) {
			return refused(t, "%s is out of service already (%s)", node, v.out[node])
		}
	}
	return nil
}

// permitCut says why nobody may cut a node's power now.
func (v *view) permitCut(t *Treatment) error {
	if t.Subject == t.Node {
		return refused(t, "a node does not cut itself off")
	}
	if v.owner == nil || string(v.owner.Value) != t.Node {
		return refused(t, "another node drives its relay")
	}
	if v.relay != nil {
		return refused(t, "its relay has failed: %s", v.relay.Value)
	}
	if seen := v.observed(t); len(seen) < observers {
		return refused(t, "%d of %d observers do not hear it", len(seen), observers)
	}
	if n := min(len(v.cycled), len(backOff)); n > 0 && v.cycled[0] < backOff[n-1] {
		return refused(t, "its power was cut %d times in a day, and is not again within %s of the last time", len(v.cycled), backOff[n-1])
	}
	if final := len(v.cycled) >= len(backOff); final != (t.Action == LeaveOff) {
		return refused(t, "its power was cut %d times in a day", len(v.cycled))
	}
	return nil
}

// observed returns who has not heard the subject, and is there itself.
func (v *view) observed(t *Treatment) (all []string) {
	for _, node := range v.silent {
		if node != t.Subject && slices.Contains(v.alive, node) {
			all = append(all, node)
		}
	}
	return all
}

// permitGroups says which group of the store does not let the subject go. Each needs a leader that is not the subject, whose copy so is up
// to date, and a majority of members that are there, in service, and hardly behind that leader.
func (v *view) permitGroups(t *Treatment, groups []Group) error {
	if mutant.Planted == mutant.CarelessCycle && t.Action == Cycle {
		return nil
	}
	for _, g := range groups {
		if !slices.Contains(g.Voters, t.Subject) {
			continue
		}
		if t.Action == Drain && len(g.Voters) == 1 {
			continue // it stays a member, and there is nobody else
		}
		furthest, known := g.Applied[g.Leader]
		if g.Leader == "" || g.Leader == t.Subject || !known {
			return refused(t, "of group %d no other node is known to have all (the leader is %q)", g.Number, g.Leader)
		}
		well := 0
		for _, node := range g.Voters {
			has, said := g.Applied[node]
			if node != t.Subject && said && has+lag >= furthest && slices.Contains(v.alive, node) && v.out[node] == "" {
				well++
			}
		}
		if majority := len(g.Voters)/2 + 1; well < majority {
			return refused(t, "group %d would have %d well members, and needs %d", g.Number, well, majority)
		}
	}
	return nil
}

// conditions hold as long as what permit has looked at is so still.
func (v *view) conditions(t *Treatment) []api.Compare {
	all := []api.Compare{api.Unchanged(tokenRow, v.token), api.Unchanged(budgetRow, v.budget)}
	if t.Action == Cycle || t.Action == LeaveOff {
		all = append(all, api.Compare{Key: ownerRow(t.Subject), What: api.Value, Is: "=", Value: []byte(t.Node)}, api.Absent(relayRow(t.Subject)))
		for _, node := range v.observed(t)[:observers] {
			all = append(all, api.Exists(silentRow(t.Subject, node)), api.Exists(aliveRow(node)))
		}
	}
	return all
}

// lease is the budget, as a node holds it.
type lease struct {
	Treatment
	value   []byte // of the row
	until   time.Time
	entered uint64 // the revision at which enter wrote down what is done; 0 as long as nobody knows that it did
	relay   string // why the relay has failed; empty if it has not
}

// budget is the cluster's budget, as one node sees it.
type budget struct {
	node  string
	store api.Store
	live  time.Duration
}

// take takes the budget for a treatment, if that is permitted.
func (b *budget) take(ctx context.Context, action Action, subject string, groups []Group) (*lease, error) {
	t := Treatment{Node: b.node, Action: action, Subject: subject}
	v, err := read(ctx, b.store, subject)
	if err != nil {
		return nil, err
	}
	if err := v.permit(&t, groups); err != nil {
		return nil, err
	}
	t.Token = v.last + 1
	l := &lease{Treatment: t}
	if l.value, err = json.Marshal(&t); err != nil {
		return nil, err
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	reply, err := b.store.Txn(ctx, &api.Txn{If: v.conditions(&t), Then: []api.Op{
		{Kind: api.Put, Key: tokenRow, Value: fmt.Append(nil, t.Token)},
		{Kind: api.Put, Key: budgetRow, Value: l.value, TTL: b.live.Milliseconds()}}})
	if err != nil {
		return nil, err // if it was taken all the same, it is over after a while
	}
	if !reply.Succeeded {
		return nil, refused(&t, "something has changed meanwhile")
	}
	l.until = began.Add(b.live)
	return l, nil
}

// holds is the condition that a lease is not lost.
func (l *lease) holds() []api.Compare {
	if mutant.Planted == mutant.DoubleCycle {
		return nil
	}
	return []api.Compare{{Key: budgetRow, What: api.Value, Is: "=", Value: l.value}}
}

// renew keeps the budget for another while. An error of kind ConditionFailed says that it is lost.
func (b *budget) renew(ctx context.Context, l *lease) error {
	began := time.Now()
	if err := b.write(ctx, l, api.Op{Kind: api.Put, Key: budgetRow, Value: l.value, TTL: b.live.Milliseconds()}); err != nil {
		return err
	}
	l.until = began.Add(b.live)
	return nil
}

// release gives the budget back, and writes what is to be so from then on.
func (b *budget) release(ctx context.Context, l *lease, ops ...api.Op) error {
	return b.write(ctx, l, append(slices.Clip(ops), api.Op{Kind: api.Delete, Key: budgetRow})...)
}

// correct writes what release did not, once the lease is over, as long as the subject's row is the one that was written with the lease. If that
// was not acknowledged it is known by what it says: nodes write such rows of themselves alone, and of others with the last token.
func (b *budget) correct(ctx context.Context, l *lease, ops []api.Op) error {
	var still []api.Compare
	switch row := outRow(l.Subject); {
	case l.Action == Cycle:
	case l.entered != 0:
		still = append(still, api.Compare{Key: row, What: api.Modified, Is: "=", Number: l.entered})
	default:
		still = append(still, api.Compare{Key: row, What: api.Value, Is: "=", Value: []byte(l.Action)})
		if l.Subject != b.node {
			still = append(still, api.Compare{Key: tokenRow, What: api.Value, Is: "=", Value: fmt.Append(nil, l.Token)})
		}
	}
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	_, err := b.store.Txn(ctx, &api.Txn{If: still, Then: ops})
	return err
}

// write writes something as long as the lease holds.
func (b *budget) write(ctx context.Context, l *lease, ops ...api.Op) error {
	_, err := b.txn(ctx, l, ops)
	return err
}

// txn is write, and returns what the store says.
func (b *budget) txn(ctx context.Context, l *lease, ops []api.Op) (*api.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	reply, err := b.store.Txn(ctx, &api.Txn{If: l.holds(), Then: ops})
	if err == nil && !reply.Succeeded {
		err = refused(&l.Treatment, "the token %d is no longer the last", l.Token)
	}
	return reply, err
}

// prompt is how old the answer may be by which a relay is moved.
const prompt = time.Second

// check asks whether the lease holds, directly before something is done that cannot be taken back.
func (b *budget) check(ctx context.Context, l *lease) error {
	began := time.Now()
	if err := b.write(ctx, l, api.Op{Kind: api.Get, Key: budgetRow}); err != nil {
		return err
	}
	if took := time.Since(began); took > prompt {
		return refused(&l.Treatment, "it took %s to find out that the budget is held", took)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
