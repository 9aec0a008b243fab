package live

import (
	"math/rand/v2"
	"time"
)

// round is one moment at which nodes are killed.
type round struct {
	operations int           // that succeed before it, counted from the round before
	after      time.Duration // and this long after those
	down       map[string]time.Duration
}

const (
	// allAtOnce is how many rounds there are for each in which all nodes are killed.
	allAtOnce = 7
	// unserved is how many rounds there are for each that does not wait for operations: it meets nodes that
	// start, and a cloud without a leader.
	unserved = 3
	// mostBetween is how many operations may succeed between two rounds.
	mostBetween = 100
	longestDown = time.Second
	longestWait = 500 * time.Millisecond
)

// plan returns rounds that together kill as many processes as is wanted. In one of
// them at least all nodes are killed. Rounds count operations and not seconds, so that a slow machine sees as much of the cloud
// between them as a fast one.
func plan(seed uint64, nodes []string, kills int) []round {
	draw := rand.New(rand.NewPCG(seed, 0))
	var rounds []round
	for left := kills; left > 0; {
		some := []string{nodes[draw.IntN(len(nodes))]}
		if len(rounds) == 0 || left >= len(nodes) && draw.IntN(allAtOnce) == 0 {
			some = nodes
		}
		r := round{down: map[string]time.Duration{}, after: time.Duration(draw.Int64N(int64(longestWait)))}
		if draw.IntN(unserved) > 0 {
			r.operations = 1 + draw.IntN(mostBetween)
		}
		for _, name := range some {
			r.down[name] = time.Duration(draw.Int64N(int64(longestDown)))
		}
		rounds = append(rounds, r)
		left -= len(some)
	}
	draw.Shuffle(len(rounds), func(i, j int) { rounds[i], rounds[j] = rounds[j], rounds[i] })
	return rounds
}
