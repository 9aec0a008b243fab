package abuse

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"picloud/node/abuse/text"
	"picloud/node/api"
	"picloud/node/mirror"
)

// texts is what a server has learned of a tenant's labels: a model that is a function of the labels that stand in the store and
// whose sources are trusted, in the order in which they came. So all servers come to the same one. A label that comes is learned;
// when one is taken back, or a source is distrusted, the model is made anew of those that are left.
type texts struct {
	tenant  string
	policy  text.Policy
	metrics *metrics
	kicked  chan struct{}

	mu     sync.Mutex
	labels labels
	heard  bool // the labels have been told
	void   bool // the model must be made anew
	out    int  // labels that the model has left out

	reading    sync.RWMutex // held to score, and for writing to learn
	model      *text.Model  // nil until there is one
	thresholds text.Thresholds
	learned    uint64 // revision of the last label that the model has
}

func newTexts(t *Tenant, m *metrics) *texts {
	return &texts{tenant: t.Name, policy: t.Texts, metrics: m, kicked: make(chan struct{}, 1), labels: newLabels()}
}

// told takes what has become of the labels and of the sources.
func (t *texts) told(n mirror.News) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.Anew {
		t.labels.clear()
		t.heard, t.void = true, true
	}
	for i := range n.Rows {
		r := &n.Rows[i]
		switch row, name := rowOf(r.Key); row {
		case rowLabel:
			l, err := decode[Label](r)
			if err != nil {
				t.metrics.unread.Inc()
				continue
			}
			again := t.labels.add(r, l, n.Next)
			t.void = t.void || again
		case rowDistrust:
			if r.Modified < n.Next { // or else it comes again
				t.labels.distrusted[name], t.void = true, true
			}
		}
	}
	for _, key := range n.Gone {
		switch row, name := rowOf(key); row {
		case rowLabel:
			t.labels.remove(key)
			t.void = true
		case rowDistrust:
			delete(t.labels.distrusted, name)
			t.void = true
		}
	}
	t.labels.next = n.Next
	select {
	case t.kicked <- struct{}{}:
	default:
	}
}

// rowOf splits a key of a tenant's rules into the sort of row and what stands behind it.
func rowOf(key string) (row, name string) {
	rest := key[strings.IndexByte(key, '/'):] // behind the partition
	for _, row := range []string{rowList, rowLabel, rowDistrust, rowCondemned} {
		if name, is := strings.CutPrefix(rest, row); is {
			return row, name
		}
	}
	return "", ""
}

// run learns what comes until the context ends.
func (t *texts) run(ctx context.Context) {
	for {
		select {
		case <-t.kicked:
			t.learn(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// learn brings the model to where the labels are.
func (t *texts) learn(ctx context.Context) {
	t.reading.RLock()
	model, after := t.model, t.learned
	t.reading.RUnlock()
	t.mu.Lock()
	trusted, out := t.labels.leftOut()
	anew := t.void || model == nil || out != t.out
	if anew {
		after = 0
	}
	heard, labels := t.heard, t.labels.behind(after, trusted-out)
	t.void, t.out = false, out
	t.mu.Unlock()
	switch {
	case !heard:
	case anew:
		t.fold(ctx, labels)
	default:
		for i := range labels {
			t.surprise(&labels[i])
			t.reading.Lock()
			model.Learn(labels[i].Text, labels[i].Spam)
			t.reading.Unlock()
		}
		t.set(model, labels)
	}
}

// fold makes the model anew, unless the context ends before.
func (t *texts) fold(ctx context.Context, labels []labelled) {
	t.metrics.made.WithLabelValues(t.tenant).Inc()
	model, err := text.Fold(text.Config{}, func(yield func(text.Label) bool) {
		for i := range labels {
			if ctx.Err() != nil || !yield(text.Label{Text: labels[i].Text, Spam: labels[i].Spam}) {
				return
			}
		}
	})
	if err != nil {
		panic("abuse: the default configuration of a model: " + err.Error())
	}
	if ctx.Err() == nil {
		t.set(model, labels)
	}
}

func (t *texts) set(m *text.Model, labels []labelled) {
	thresholds, err := m.Thresholds(t.policy)
	if err != nil {
		panic("abuse: a policy that was validated: " + err.Error())
	}
	t.reading.Lock()
	defer t.reading.Unlock()
	t.model, t.thresholds = m, thresholds
	if len(labels) > 0 {
		t.learned = labels[len(labels)-1].at
	}
}

// surprise counts labels that say the opposite of what the model is sure of: a source with many of them errs, or lies.
func (t *texts) surprise(l *labelled) {
	t.reading.RLock()
	score, thresholds := t.model.Score(l.Text), t.thresholds
	t.reading.RUnlock()
	against := l.Spam && score <= -text.Sure/2 || !l.Spam && score >= max(thresholds.Unsure, text.Sure/2)
	t.metrics.labelled(t.tenant, l.Source, against)
}

// judge decides about a text. An error says that there is no model yet.
func (t *texts) judge(s string) (*Verdict, error) {
	t.reading.RLock()
	defer t.reading.RUnlock()
	if t.model == nil {
		return nil, api.Errorf(api.Unavailable, "judge a text", "", "there is no model yet")
	}
	score := t.model.Score(s)
	v := &Verdict{Decision: Allow, Score: int(score)}
	switch t.thresholds.Verdict(score) {
	case text.Blocked:
		v.Decision, v.Reason = Refuse, ByText
	case text.Unsure:
		v.Decision, v.Reason = Quarantine, ByText
	default:
		return v, nil
	}
	var why []string
	for _, r := range t.model.Reasons(s, 3) {
		if r.Weight > 0 {
			why = append(why, r.What)
		}
	}
	v.Detail = fmt.Sprintf("it reads like spam, most of all %s", strings.Join(why, ", "))
	return v, nil
}

// maxScore is above all scores: a threshold that is not known.
const maxScore = text.Never

// size returns how many labels the model was made of, of honest texts and of spam, and its thresholds.
func (t *texts) size() (honest, spam uint64, _ text.Thresholds) {
	t.reading.RLock()
	defer t.reading.RUnlock()
	if t.model == nil {
		return 0, 0, text.Thresholds{Unsure: maxScore, Block: maxScore}
	}
	honest, spam = t.model.Labels()
	return honest, spam, t.thresholds
}
