package checks

import (
	"fmt"
	"strings"

	"github.com/anishathalye/porcupine"

	"picloud/reports"
	"picloud/scenarios/history"
)

// mostWronged is of how many keys it is found out who read something wrong: each costs several searches.
const mostWronged = 100

// Linearizable judges the operations of each key against a register that starts absent: every
// operation must seem to happen at one instant between its call and its return. Porcupine judges
// what is not decided more simply. It is given at most `steps` steps of the register for a key, a budget that does not
// depend on the machine's speed; a key that needs more makes the check inconclusive.
func Linearizable(h history.History, minimum int, steps int64) reports.Check {
	c := reports.Check{Name: "linearizable", Status: reports.Pass}
	var illegal, over []history.KeyHistory
	keys := h.PerKey()
	for _, k := range keys {
		ops := simplify(k.Operations)
		c.Count += len(ops)
		switch judge(ops, steps) {
		case reports.Fail:
			illegal = append(illegal, k)
		case reports.Inconclusive:
			over = append(over, k)
		}
	}
	c.Detail = fmt.Sprintf("%d operations on %d keys", c.Count, len(keys))
	switch {
	case len(illegal) > 0:
		c.Status = reports.Fail
		var harm wronged
		for _, k := range illegal[:min(len(illegal), mostWronged)] {
			harm.by(certain(k.Operations, steps))
		}
		harm.into(&c)
		shown := witness(illegal[0].Operations, steps)
		c.Proof = proof(illegal[0], shown, steps)
		c.Detail = fmt.Sprintf("%d of %d keys are not linearizable, %s is one:\n%s",
			len(illegal), len(keys), illegal[0].Key, describe(shown))
	case len(over) > 0:
		c.Status = reports.Inconclusive
		c.Detail = fmt.Sprintf("%d of %d keys need more than %d steps, %s is one", len(over),
			len(keys), steps, over[0].Key)
	default:
		atLeast(&c, minimum, "operations")
	}
	return c
}

// operation is what the register sees of an operation.
type operation struct {
	history.Operation
	// unbounded says that the operation may happen as late as after all others: its outcome is
	// unknown, and nobody saw it in time.
	unbounded bool
}

// step is the register: given what stands under the key, it says whether the operation can have
// happened and what stands there then. Nothing contradicts an unknown operation.
func step(state string, o *operation) (bool, string) {
	known := o.Outcome == history.OK
	switch o.Kind {
	case history.Write:
		return true, o.Value
	case history.Delete:
		return true, ""
	case history.Read:
		return !known || state == o.Result, state
	}
	if known && state != o.Result {
		return false, state
	}
	if state == o.Expect {
		return true, o.Value
	}
	return true, state
}

// judge decides what is quickly decided, and asks porcupine about the rest.
func judge(ops []operation, steps int64) reports.Status {
	if status, sure := decide(ops); sure {
		return status
	}
	if stale(ops) != nil {
		return reports.Fail
	}
	return search(ops, steps)
}

// search asks porcupine. Once the budget is spent the register refuses every step, which ends the
// search at once, and the answer is not used.
func search(ops []operation, steps int64) reports.Status {
	spent := int64(0)
	model := porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, input, _ any) (bool, any) {
			if spent++; spent > steps {
				return false, state
			}
			return step(state.(string), input.(*operation))
		},
	}
	const never = int64(1) << 62
	record := make([]porcupine.Operation, len(ops))
	for i := range ops {
		o := &ops[i]
		record[i] = porcupine.Operation{ClientId: o.Client, Input: o, Call: int64(o.Call),
			Return: int64(o.Return)}
		if o.unbounded {
			record[i].Return = never
		}
	}
	switch legal := porcupine.CheckOperations(model, record); {
	case legal && spent <= steps:
		return reports.Pass
	case spent > steps:
		return reports.Inconclusive
	}
	return reports.Fail
}

// witness leaves out operations while the rest stays illegal, so that a person can see why. Only
// operations without which a legal history stays legal are left out: those that change nothing,
// and those that put what no other operation saw. The work is bounded; a witness need not be the
// smallest.
func witness(ops history.History, steps int64) history.History {
	if three := stale(simplify(ops)); three != nil {
		return three
	}
	const mostRounds = 2000
	rounds := 0
	for size := max(1, len(ops)/2); size > 0 && rounds < mostRounds; {
		shrunk := false
		for end := len(ops); end > 0 && rounds < mostRounds; end = min(end-size, len(ops)) {
			rest := leaveOut(ops, max(0, end-size), end)
			if len(rest) == len(ops) {
				continue
			}
			rounds++
			if judge(simplify(rest), steps) == reports.Fail {
				ops, shrunk = rest, true
			}
		}
		if !shrunk || size > len(ops) {
			size /= 2
		}
	}
	return ops
}

// leaveOut returns the operations without those of a range that may be left out.
func leaveOut(ops history.History, from, to int) history.History {
	rest := append(history.History(nil), ops[:from]...)
	for i := from; i < to; i++ {
		if !changesNothing(&ops[i]) && seenByOther(ops, i) {
			rest = append(rest, ops[i])
		}
	}
	return append(rest, ops[to:]...)
}

func changesNothing(o *history.Operation) bool {
	return o.Kind == history.Read || o.Outcome == history.Failed ||
		o.Kind == history.CAS && o.Outcome == history.OK && !o.Swapped()
}

// seenByOther says whether what operation i may have put is seen or expected by another one.
func seenByOther(ops history.History, i int) bool {
	put := ops[i].Value // empty for a delete
	for j := range ops {
		o := &ops[j]
		if j != i && (o.Kind == history.CAS && o.Expect == put || observes(o) && o.Result == put) {
			return true
		}
	}
	return false
}

// observes says whether an operation's result is what stood under the key.
func observes(o *history.Operation) bool {
	return o.Outcome == history.OK && (o.Kind == history.Read || o.Kind == history.CAS)
}

func describe(ops history.History) string {
	const most = 8
	var lines []string
	for i := range ops {
		if i == most {
			lines = append(lines, fmt.Sprintf("and %d more", len(ops)-most))
			break
		}
		lines = append(lines, ops[i].String())
	}
	return strings.Join(lines, "\n")
}
