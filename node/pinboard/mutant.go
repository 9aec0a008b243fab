package pinboard

import "sync"

// mixed remembers who called, by so little of the session that two users may have one entry. No product build uses it.
type mixed struct {
	mu    sync.Mutex
	known map[string]*visitor
}

// entry returns who called first with a session like this.
func (m *mixed) entry(v *visitor) *visitor {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := v.session[:2]
	if m.known == nil {
		m.known = map[string]*visitor{}
	}
	if m.known[key] == nil {
		m.known[key] = v
	}
	return m.known[key]
}
