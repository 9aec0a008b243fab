package accesslog

import (
	"math/bits"
	"time"
)

// Arrival is when a request of a log comes when the log is played again.
type Arrival struct {
	Request
	After  time.Duration // the first one could have come
	Number int           // of the client, in the order in which they first come
}

// Arrivals lets a log that was read happen within another time, shorter or longer as a whole. Logs tell seconds, so what came in one second
// is spread evenly over it.
func Arrivals(log []Request, within time.Duration) []Arrival {
	span := log[len(log)-1].At.Sub(log[0].At) + time.Second
	clients := map[string]int{}
	var all []Arrival
	for from := 0; from < len(log); {
		to := from + 1
		for to < len(log) && log[to].At.Equal(log[from].At) {
			to++
		}
		for i := from; i < to; i++ {
			number, known := clients[log[i].Client]
			if !known {
				number = len(clients)
				clients[log[i].Client] = number
			}
			at := log[i].At.Sub(log[0].At) + time.Second*time.Duration(i-from)/time.Duration(to-from)
			all = append(all, Arrival{Request: log[i], After: scale(at, within, span), Number: number})
		}
		from = to
	}
	return all
}

// scale returns t · to / from.
func scale(t, to, from time.Duration) time.Duration {
	high, low := bits.Mul64(uint64(t), uint64(to))
	scaled, _ := bits.Div64(high, low, uint64(from))
	return time.Duration(scaled)
}
