package health

import (
	"context"
	"net/http"
	"time"

	"picloud/node/api"
	"picloud/node/web"
)

// Path is where a node shows its health.
const Path = "/health"

// shownEntries is how many entries of the journal are shown.
const shownEntries = 20

// View is what a node shows of its health.
type View struct {
	Node    string            `json:"node"`
	Mode    Mode              `json:"mode"`
	Rules   []RuleView        `json:"rules"`
	Done    map[Action]string `json:"done"` // what was last set, of what needs no budget
	Drained bool              `json:"drained"`
	Refused map[string]string `json:"refused,omitempty"` // why what is wanted is not done
	// Budget is who treats whom; null if nobody does, or nobody knows.
	Budget  *Treatment `json:"budget"`
	Journal []Entry    `json:"journal"`         // the last entries of all nodes, the last first
	Error   string     `json:"error,omitempty"` // why budget and journal are not known
}

// RuleView is a rule and how it stands.
type RuleView struct {
	Name    string     `json:"name"`
	Signal  Signal     `json:"signal"`
	Subject string     `json:"subject,omitempty"`
	Value   *int64     `json:"value"` // null while it is not known
	Raise   int64      `json:"raise"`
	Clear   int64      `json:"clear"`
	Stands  bool       `json:"stands"`
	Since   *time.Time `json:"since,omitempty"` // it stands, or when it was raised last
}

// View returns what a node shows of its health.
func (e *Engine) View(ctx context.Context) View {
	v := View{Node: e.me, Mode: e.config.Mode, Rules: []RuleView{}, Done: map[Action]string{}, Refused: map[string]string{}, Journal: []Entry{}}
	e.mu.Lock()
	for _, s := range e.machine.Standings() {
		r := RuleView{Name: s.Rule.Name, Signal: s.Rule.Signal, Subject: s.Subject, Raise: s.Rule.Raise, Clear: s.Rule.Clear, Stands: s.Stands}
		if s.Known {
			r.Value = &s.Value
		}
		if !s.Raised.IsZero() {
			r.Since = &s.Raised
		}
		v.Rules = append(v.Rules, r)
	}
	for a, d := range e.done {
		v.Done[a] = d.to
	}
	for m, why := range e.refusals {
		v.Refused[string(m.action)+" "+m.subject] = why
	}
	v.Drained = e.drained
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	rows, err := read(ctx, e.kit.Store, e.me)
	if err == nil {
		if rows.budget != nil {
			v.Budget = &rows.treating
		}
		var entries []Entry
		if entries, err = Journal(ctx, e.kit.Store, shownEntries); err == nil {
			v.Journal = entries
		}
	}
	if err != nil {
		v.Error = err.Error()
	}
	return v
}

// ServeHTTP shows the node's health.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := web.AsJSON(e.View(r.Context()))
	if err != nil {
		web.Refuse(w, api.Errorf(api.Internal, "show", "the node's health", "%s", err))
		return
	}
	web.Reply(w, http.StatusOK, body)
}
