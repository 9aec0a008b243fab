package twin

import (
	"testing"
	"time"
)

func started(tb testing.TB, c Config) *Pi {
	tb.Helper()
	p, err := New(c)
	if err != nil {
		tb.Fatal(err)
	}
	p.SetPower(true, 0)
	p.Advance(tickTime, Work{})
	if events := p.Events(); len(events) != 1 || events[0].Kind != Started {
		tb.Fatalf("it does not start: %v", events)
	}
	return p
}

func BenchmarkAdvance(b *testing.B) {
	p := started(b, Config{Model: Pi5, Cooling: Fan})
	for i := range b.N {
		p.Advance(p.now+tickTime, Work{CoreTime: time.Duration(i%1000) * time.Millisecond, NetBytes: 1000, Written: 4096})
		p.Events()
	}
}

func BenchmarkAccess(b *testing.B) {
	p := started(b, Config{Model: Pi5, Cooling: Fan})
	for range b.N {
		p.Advance(p.now+time.Millisecond, Work{CoreTime: time.Millisecond, NetBytes: 1000, Written: 4096})
	}
}
