package proof

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"time"
)

// doubt is that something was computed which cannot be right.
type doubt struct {
	by       string    // who says so
	mismatch *mismatch // the hash, if it was a single one
}

// Who finds out that something is wrong, as it stands in findings and metrics.
const (
	byExam         = "exam"
	bySample       = "sample"       // a hash that was computed twice
	byVerification = "verification" // of another node, before something was acknowledged
	byLogin        = "login"        // a password that the second implementation takes
)

const (
	mostRetested  = 64 << 10 // bytes of a message that is hashed again and again
	doubtedExams  = 8        // of each core after a doubt
	mostSuspicion = 3        // so often is a place suspected; then it is condemned
	writeAgain    = time.Second
)

// doubt has the cores looked at soon.
func (k *Checker) doubt(d doubt) {
	k.metrics.mismatches.WithLabelValues(d.by).Inc()
	select {
	case k.doubts <- d:
	default: // it is being looked into
	}
}

// Doubt says that something this node has computed is wrong as others compute it.
func (k *Checker) Doubt() { k.doubt(doubt{by: byLogin}) }

// watch examines the cores every so often, and looks into doubts, until the context ends.
func (k *Checker) watch(ctx context.Context) {
	next := time.NewTimer(0)
	defer next.Stop()
	write := time.NewTimer(0)
	defer write.Stop()
	for number := rand.Uint64N(longest / lengths); ; {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
			k.examineAll(number)
			number++
			next.Reset(k.config.Every)
		case d := <-k.doubts:
			k.lookInto(d, number)
			number += doubtedExams
		case <-write.C:
		}
		if !k.settle(ctx) {
			write.Reset(writeAgain)
		}
	}
}

// examineAll examines each core once.
func (k *Checker) examineAll(number uint64) (wrong bool) {
	for core := range k.cores.Count() {
		var found *mismatch
		began := time.Now()
		if err := k.cores.On(core, func() { found = exam(number, k.first) }); err != nil {
			k.log.Warn("a core is not examined", "core", core, "error", err) // it may have been taken out of service just now
			continue
		}
		k.metrics.exams.Inc()
		k.metrics.examSeconds.Add(time.Since(began).Seconds())
		if found != nil {
			k.metrics.mismatches.WithLabelValues(byExam).Inc()
			k.retest(core, byExam, found)
			wrong = true
		}
	}
	return wrong
}

// retest hashes again what was hashed wrongly on a core, and says what came of it.
func (k *Checker) retest(core int, by string, m *mismatch) {
	wrong := 0
	if err := k.cores.On(core, func() { wrong = again(m, retests, k.first) }); err != nil {
		k.log.Warn("a core is not tested again", "core", core, "error", err)
	}
	k.found(core, by, m, wrong)
}

// lookInto finds out where something was computed wrongly. Where nothing shows, the node is suspected as a whole.
func (k *Checker) lookInto(d doubt, number uint64) {
	located := false
	if m := d.mismatch; m != nil {
		m.want = Sum2(m.message) // it may have been cut
		for core := range k.cores.Count() {
			wrong := 0
			if err := k.cores.On(core, func() { wrong = again(m, retests, k.first) }); err == nil && wrong > 0 {
				located = true
				k.found(core, d.by, m, wrong)
			}
		}
	}
	for i := range uint64(doubtedExams) {
		if located {
			return
		}
		located = k.examineAll(number + i)
	}
	if !located {
		m := d.mismatch
		if m == nil {
			m = &mismatch{}
		}
		k.found(anyCore, d.by, m, 0)
	}
}

// found notes that something was computed wrongly, and how often it was when it was tried again.
func (k *Checker) found(core int, by string, m *mismatch, wrong int) {
	k.mu.Lock()
	at := place{core, Operation}
	f := k.findings[at]
	if f == nil {
		f = &Finding{Core: core, Operation: Operation, State: Suspected, First: time.Now().UnixMilli()}
		k.findings[at] = f
	}
	f.Node, f.Batch, f.Start, f.By = k.self.Node, k.self.Batch, k.self.Start, by
	f.Last = time.Now().UnixMilli()
	f.Times++
	f.Retests, f.Wrong = f.Retests+retests, f.Wrong+wrong
	f.Length = len(m.message)
	if f.Message = ""; by == byExam { // other messages are somebody's, and may be secrets
		f.Message = hex.EncodeToString(m.message[:min(len(m.message), blockSize)])
	}
	f.Got, f.Want = hex.EncodeToString(m.got[:]), hex.EncodeToString(m.want[:])
	isNew := f.State != Condemned && (f.Wrong > 0 || f.Times >= mostSuspicion)
	if isNew {
		f.State = Condemned
	}
	k.unwritten[at] = true
	said := *f
	k.mu.Unlock()

	attributes := []any{"node", said.Node, "batch", said.Batch, "core", said.Core, "operation", said.Operation, "by", by, "wrong", wrong, "of", retests,
		"message", said.Message, "length", said.Length, "got", said.Got, "want", said.Want}
	if isNew {
		k.log.Error("a core of this processor computes wrongly, and is condemned", attributes...)
	} else {
		k.log.Warn("a core of this processor has computed something wrongly", attributes...)
	}
	k.weigh()
}

// weigh draws the conclusions from what is known.
func (k *Checker) weigh() {
	k.mu.Lock()
	defer k.mu.Unlock()
	suspected, condemned := 0, 0
	for _, f := range k.findings {
		if f.State == Condemned {
			condemned++
		} else {
			suspected++
		}
	}
	k.metrics.suspected.Set(float64(suspected))
	k.metrics.condemned.Set(float64(condemned))
	if condemned == 0 || k.Condemned() {
		return
	}
	close(k.condemned)
	for _, do := range k.tell {
		do()
	}
	k.tell = nil
}
