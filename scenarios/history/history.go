// Package history is what the clients of a run did and saw: one record for each operation, in a
// file with one JSON object a line. The checks judge it afterwards in a plain process, the same
// for simulated and live runs.
//
// Invariants: a client does one operation at a time; an outcome is ok only when the reply said
// so, failed only when the operation has certainly not happened and never will, and unknown in
// every other case. The empty value stands for a key that is absent, so nobody writes it.
package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind says what an operation does.
type Kind string

// The kinds.
const (
	Read   Kind = "read"   // Result is what stood under the key
	Write  Kind = "write"  // Value is put under the key
	Delete Kind = "delete" // the key is made absent
	CAS    Kind = "cas"    // Value is put if Expect stands; Result is what stood before
	Txn    Kind = "txn"    // Steps are done at one instant; Key is their partition
	Use    Kind = "use"    // a user did something with Pinboard: Use says what; Key is whose data it is about
)

// Outcome says what is known about the end of an operation.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"
	Failed  Outcome = "failed"
	Unknown Outcome = "unknown"
)

// Step is a part of a transaction on a list: it reads the list, or appends an element that nobody else
// appends to any list. A transaction reads a list before it appends to it.
type Step struct {
	Key    string   `json:"key"`
	Append string   `json:"append,omitempty"` // empty for a read
	Read   []string `json:"read,omitempty"`   // what a read of a transaction that is ok found
}

// Operation is one operation of one client on one key, or a transaction.
type Operation struct {
	Client  int           `json:"client"` // counted from 0 over all client machines
	Kind    Kind          `json:"kind"`
	Key     string        `json:"key"`
	Value   string        `json:"value,omitempty"`
	Expect  string        `json:"expect,omitempty"`
	Result  string        `json:"result,omitempty"`
	Steps   []Step        `json:"steps,omitempty"`
	Use     *Visit        `json:"use,omitempty"`
	Call    time.Duration `json:"call"`   // nanoseconds since the run began
	Return  time.Duration `json:"return"` // when the client knew the outcome or gave up
	Outcome Outcome       `json:"outcome"`
	Error   string        `json:"error,omitempty"` // why it is not ok, for people
}

// Latency returns how long the client waited.
func (o *Operation) Latency() time.Duration { return o.Return - o.Call }

// Swapped says whether a compare-and-swap that is ok found what it expected.
func (o *Operation) Swapped() bool {
	return o.Kind == CAS && o.Outcome == OK && o.Result == o.Expect
}

// Changes says whether the operation is known to have put something under its key or made it
// absent, and if so what stood there then.
func (o *Operation) Changes() (value string, yes bool) {
	switch {
	case o.Outcome != OK:
		return "", false
	case o.Kind == Write || o.Swapped():
		return o.Value, true
	}
	return "", o.Kind == Delete
}

// Validate says what is wrong with a record.
func (o *Operation) Validate() error {
	switch {
	case o.Kind != Read && o.Kind != Write && o.Kind != Delete && o.Kind != CAS && o.Kind != Txn && o.Kind != Use:
		return fmt.Errorf("unknown kind of operation %q", o.Kind)
	case o.Outcome != OK && o.Outcome != Failed && o.Outcome != Unknown:
		return fmt.Errorf("unknown outcome %q", o.Outcome)
	case o.Client < 0:
		return fmt.Errorf("the client %d is negative", o.Client)
	case o.Key == "":
		return fmt.Errorf("the key is empty")
	case o.Call < 0 || o.Return < o.Call:
		return fmt.Errorf("the operation is called at %d and returns at %d", o.Call, o.Return)
	case (o.Kind == Write || o.Kind == CAS) != (o.Value != ""):
		return fmt.Errorf("a %s with the value %q", o.Kind, o.Value)
	case o.Kind != CAS && o.Expect != "":
		return fmt.Errorf("a %s does not expect anything", o.Kind)
	case (o.Kind == Txn) != (len(o.Steps) > 0):
		return fmt.Errorf("a %s of %d steps", o.Kind, len(o.Steps))
	case (o.Kind == Use) != (o.Use != nil) || o.Kind == Use && o.Use.Action == "":
		return fmt.Errorf("a %s that says %v of what was done", o.Kind, o.Use)
	case (o.Kind == Write || o.Kind == Delete || o.Kind == Txn || o.Outcome != OK) && o.Result != "":
		return fmt.Errorf("a %s that is %s has no result", o.Kind, o.Outcome)
	}
	return o.validateSteps()
}

func (o *Operation) validateSteps() error {
	appended := map[string]bool{}
	for i := range o.Steps {
		s := &o.Steps[i]
		switch {
		case s.Key == "":
			return fmt.Errorf("step %d has no key", i+1)
		case s.Append != "" && len(s.Read) > 0:
			return fmt.Errorf("step %d appends and reads", i+1)
		case len(s.Read) > 0 && o.Outcome != OK:
			return fmt.Errorf("step %d of a transaction that is %s has read something", i+1, o.Outcome)
		case appended[s.Key]:
			return fmt.Errorf("step %d comes after an append to its list", i+1)
		}
		appended[s.Key] = s.Append != ""
	}
	return nil
}

// String prints an operation for people: `client 3 wrote "a" at 1.000s..1.200s`.
func (o *Operation) String() string {
	return fmt.Sprintf("client %d %s at %s..%s", o.Client, o.Did(), Seconds(o.Call), Seconds(o.Return))
}

// Did says for people what was done: `wrote "a"`.
func (o *Operation) Did() string {
	var what string
	switch {
	case o.Kind == Read && o.Outcome == OK:
		what = "read " + shown(o.Result)
	case o.Kind == Txn:
		what = "ran" + steps(o.Steps)
	case o.Kind == Use:
		what = o.Use.String() + " of " + o.Key
	case o.Kind == Write:
		what = "wrote " + shown(o.Value)
	case o.Kind == Delete:
		what = "deleted"
	case o.Kind == CAS:
		what = "swapped " + shown(o.Expect) + " for " + shown(o.Value)
		if o.Outcome == OK && !o.Swapped() {
			what += " and found " + shown(o.Result)
		}
	default:
		what = string(o.Kind)
	}
	if o.Outcome != OK {
		what += " (" + string(o.Outcome) + ")"
	}
	return what
}

func steps(all []Step) string {
	var b strings.Builder
	for i := range all {
		if s := &all[i]; s.Append != "" {
			fmt.Fprintf(&b, " %s+%s", s.Key, s.Append)
		} else {
			fmt.Fprintf(&b, " %s=%v", s.Key, s.Read)
		}
	}
	return b.String()
}

func shown(value string) string {
	if value == "" {
		return "nothing"
	}
	return fmt.Sprintf("%q", value)
}

// Seconds prints a time as seconds with milliseconds.
func Seconds(d time.Duration) string {
	return fmt.Sprintf("%d.%03ds", d/time.Second, d%time.Second/time.Millisecond)
}

// History is the operations of a run, ordered by call, then client.
type History []Operation

// Sort puts the operations into order.
func (h History) Sort() {
	slices.SortStableFunc(h, func(a, b Operation) int {
		return cmp.Or(cmp.Compare(a.Call, b.Call), cmp.Compare(a.Client, b.Client),
			cmp.Compare(a.Return, b.Return))
	})
}

// Validate says which operation is wrong, or which client did two at a time.
func (h History) Validate() error {
	last := map[int]*Operation{}
	for i := range h {
		o := &h[i]
		if err := o.Validate(); err != nil {
			return fmt.Errorf("operation %d: %w", i+1, err)
		}
		if before := last[o.Client]; before != nil && o.Call < before.Return && !(o.Call == before.Call && o.Return == before.Return) { // as reads of one scan are
			return fmt.Errorf("operation %d: client %d calls at %s while its operation of %s "+
				"still runs",
				i+1, o.Client, Seconds(o.Call), Seconds(before.Call))
		}
		last[o.Client] = o
	}
	return nil
}

// Totals counts by outcome the operations for which the cloud owes an answer: those of attackers are none, nor are mails.
func (h History) Totals() (ok, failed, unknown int) {
	for i := range h {
		if !h[i].Wanted() {
			continue
		}
		switch h[i].Outcome {
		case OK:
			ok++
		case Failed:
			failed++
		default:
			unknown++
		}
	}
	return ok, failed, unknown
}

// KeyHistory is the operations on one key.
type KeyHistory struct {
	Key        string
	Operations History
}

// PerKey splits the history by key, in the order of the keys' names. Transactions and what users did are left out.
func (h History) PerKey() []KeyHistory {
	places := map[string]int{}
	var keys []KeyHistory
	for _, o := range h {
		if o.Kind == Txn || o.Kind == Use {
			continue
		}
		place, seen := places[o.Key]
		if !seen {
			place = len(keys)
			places[o.Key] = place
			keys = append(keys, KeyHistory{Key: o.Key})
		}
		keys[place].Operations = append(keys[place].Operations, o)
	}
	slices.SortFunc(keys, func(a, b KeyHistory) int { return cmp.Compare(a.Key, b.Key) })
	return keys
}
