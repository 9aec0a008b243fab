package state

import (
	"cmp"
	"maps"
	"slices"

	"picloud/node/api"
)

// model is the state again, dumb: maps, and every rule written down in the shortest way. It shares with
// the state the types of the interface only.
type model struct {
	records  map[string]modelRecord
	sessions map[uint64]*modelSession
	events   []api.Event
	revision uint64
	oldest   uint64
	clock    uint64
	holds    []api.SlotRange // nil for all
}

type modelRecord struct {
	api.Record
	deadline uint64
}

type modelSession struct {
	used, answered uint64
	replies        map[uint64]api.Reply
}

func newModel() *model {
	return &model{records: map[string]modelRecord{}, sessions: map[uint64]*modelSession{}, oldest: 1}
}

func (m *model) apply(index uint64, c *Command) Outcome {
	switch c.Kind {
	case OpenSession:
		m.sessions[index] = &modelSession{used: m.clock, replies: map[uint64]api.Reply{}}
		return Outcome{Session: index}
	case Tick:
		m.tick(c.Elapsed)
		return Outcome{}
	case Trim:
		m.oldest = max(m.oldest, min(c.Before, m.revision+1))
		return Outcome{}
	case Own:
		if m.holds == nil {
			m.holds = c.Slots
		}
		return Outcome{}
	}
	s := m.sessions[c.Request.Session]
	if s == nil {
		return Outcome{Err: &api.Error{Kind: api.SessionExpired}}
	}
	if m.holds != nil && !api.Holds(7, m.holds, c.Request.Txn.Partition()) {
		return Outcome{Err: &api.Error{Kind: api.WrongGroup}}
	}
	if c.Request.Sequence <= s.answered {
		return Outcome{Err: &api.Error{Kind: api.Replayed}}
	}
	if reply, is := s.replies[c.Request.Sequence]; is {
		return Outcome{Reply: &reply}
	}
	reply := m.run(&c.Request.Txn)
	s.replies[c.Request.Sequence] = reply
	s.answered = max(s.answered, min(c.Request.Answered, c.Request.Sequence-1))
	s.used = m.clock
	return Outcome{Reply: &reply}
}

func (m *model) tick(elapsed uint64) {
	m.clock += elapsed
	var over []modelRecord
	for _, r := range m.records {
		if r.deadline > 0 && r.deadline <= m.clock {
			over = append(over, r)
		}
	}
	slices.SortFunc(over, func(a, b modelRecord) int {
		return cmp.Or(cmp.Compare(a.deadline, b.deadline), cmp.Compare(api.Partition(a.Key), api.Partition(b.Key)), cmp.Compare(a.Key, b.Key))
	})
	for _, r := range over {
		m.remove(r.Key, api.Expired)
	}
	if len(over) > 0 {
		m.revision++
	}
	maps.DeleteFunc(m.sessions, func(_ uint64, s *modelSession) bool { return s.used+SessionIdle < m.clock })
}

func (m *model) remove(key string, why api.EventKind) {
	delete(m.records, key)
	m.events = append(m.events, api.Event{Kind: why, Revision: m.revision + 1, Record: api.Record{Key: key}})
}

func (m *model) isTrue(c api.Compare) bool {
	r := m.records[c.Key]
	order := map[api.What]int{
		api.Value:    cmp.Compare(string(r.Value), string(c.Value)),
		api.Created:  cmp.Compare(r.Created, c.Number),
		api.Modified: cmp.Compare(r.Modified, c.Number),
		api.Version:  cmp.Compare(r.Version, c.Number),
	}[c.What]
	return map[string]bool{"=": order == 0, "!=": order != 0, "<": order < 0, ">": order > 0}[c.Is]
}

func (m *model) run(t *api.Txn) api.Reply {
	reply := api.Reply{Succeeded: true}
	for _, c := range t.If {
		reply.Succeeded = reply.Succeeded && m.isTrue(c)
	}
	ops := t.Else
	if reply.Succeeded {
		ops = t.Then
	}
	before := len(m.events)
	for _, o := range ops {
		reply.Results = append(reply.Results, m.op(o))
	}
	if len(m.events) > before {
		m.revision++
	}
	reply.Revision = m.revision
	return reply
}

func (m *model) op(o api.Op) (result api.Result) {
	old, is := m.records[o.Key]
	if is && (o.Kind == api.Get || o.Previous) {
		result.Records = []api.Record{m.seen(old)}
	}
	switch o.Kind {
	case api.Put:
		now := modelRecord{Record: api.Record{Key: o.Key, Value: o.Value, Created: m.revision + 1, Modified: m.revision + 1, Version: 1, TTL: o.TTL}}
		if is {
			now.Created, now.Version = old.Created, old.Version+1
		}
		if o.TTL > 0 {
			now.deadline = m.clock + uint64(o.TTL)
		}
		if o.TTL == api.KeepTTL {
			now.TTL, now.deadline = old.TTL, old.deadline
		}
		m.records[o.Key] = now
		m.events = append(m.events, api.Event{Kind: api.Changed, Revision: m.revision + 1, Record: now.Record})
	case api.Delete:
		if is {
			result.Deleted = 1
			m.remove(o.Key, api.Removed)
		}
	case api.Scan, api.DeleteRange:
		found := m.between(o.Key, o.End)
		if o.Kind == api.DeleteRange {
			for _, r := range found {
				m.remove(r.Key, api.Removed)
			}
			return api.Result{Deleted: len(found)}
		}
		if o.Reverse {
			slices.Reverse(found)
		}
		if o.Limit > 0 && len(found) > o.Limit {
			found, result.More = found[:o.Limit], true
		}
		result.Records = found
	}
	return result
}

func (m *model) seen(r modelRecord) api.Record {
	if r.deadline > 0 {
		r.Left = 1
		if r.deadline > m.clock {
			r.Left = int64(r.deadline - m.clock)
		}
	}
	return r.Record
}

func (m *model) between(key, end string) (found []api.Record) {
	for _, k := range slices.Sorted(maps.Keys(m.records)) {
		if api.Partition(k) == api.Partition(key) && k >= key && (end == "" || k < end) {
			found = append(found, m.seen(m.records[k]))
		}
	}
	return found
}
