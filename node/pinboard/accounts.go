package pinboard

import (
	"context"
	"crypto/subtle"
	"net/http"

	"picloud/node/abuse"
	"picloud/node/api"
)

// credentials are what one registers and logs in with.
type credentials struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	Mail     string `json:"mail"` // of a registration
}

// account is what users are told of their own account.
type account struct {
	Name    string `json:"name"`
	Mail    string `json:"mail,omitempty"`
	Created int64  `json:"created_ms"`
	Token   string `json:"token,omitempty"` // of a session that has just begun

	May []string `json:"may,omitempty"` // what the page may offer: to report posts, to moderate
}

// register makes an account and a session of it. Who repeats it, because the answer was lost, gets another session: name,
// password and mail address say that it is the same.
func (p *Pinboard) register(ctx context.Context, c *call) error {
	var w credentials
	err := c.body(&w)
	if err == nil && !validName(w.Name) {
		err = badName(w.Name)
	}
	if err == nil {
		err = checkPassword(w.Name, w.Password)
	}
	if err == nil {
		err = checkMail(w.Mail)
	}
	if err == nil {
		err = p.knock(ctx, c, abuse.Register, w.Name)
	}
	var a *account
	if err == nil {
		a, err = p.newAccount(ctx, c, &w)
	}
	p.metrics.registrations.WithLabelValues(outcome(err)).Inc()
	if err != nil {
		return err
	}
	return p.begin(c, http.StatusCreated, a)
}

func (p *Pinboard) newAccount(ctx context.Context, c *call, w *credentials) (*account, error) {
	h := p.home(w.Name)
	found, err := p.read(ctx, get(h.user()), get(h.password()))
	if err != nil {
		return nil, err
	}
	if first(&found[0]) != nil {
		return p.again(ctx, c, w, found)
	}
	u := user{State: stateActive, Created: now(), Mail: w.Mail}
	kept, err := p.passwords.keep(ctx, w.Password)
	if err != nil {
		return nil, err
	}
	token, start, err := p.newSession(h, u.Created)
	if err != nil {
		return nil, err
	}
	welcome, err := p.enqueue(h, kindMail, letter{})
	if err != nil {
		return nil, err
	}
	reply, err := p.run(ctx, &api.Txn{
		If:   []api.Compare{api.Absent(h.user())},
		Then: append([]api.Op{put(h.user(), &u, 0), put(h.password(), kept, 0), start}, welcome...),
		Else: []api.Op{get(h.user()), get(h.password())},
	})
	switch {
	case err != nil:
		return nil, err
	case !reply.Succeeded:
		return p.again(ctx, c, w, reply.Results)
	}
	return &account{Name: w.Name, Mail: u.Mail, Created: u.Created, Token: token}, nil
}

// again answers a registration under a name that is there already: with a session, if it was registered just so.
func (p *Pinboard) again(ctx context.Context, c *call, w *credentials, found []api.Result) (*account, error) {
	taken := api.Errorf(api.Conflict, "register", w.Name, "the name is taken")
	u, err := decode[user](first(&found[0]))
	if err != nil {
		return nil, err
	}
	if !u.active() || subtle.ConstantTimeCompare([]byte(u.Mail), []byte(w.Mail)) == 0 {
		return nil, taken
	}
	a, err := p.enter(ctx, c, w)
	if api.KindOf(err) == api.Unauthorised {
		return nil, taken
	}
	return a, err
}

// login begins a session.
func (p *Pinboard) login(ctx context.Context, c *call) error {
	var w credentials
	err := c.body(&w)
	if err == nil && w.Mail != "" {
		err = api.Errorf(api.BadRequest, "read the body", "", "a login has no mail address")
	}
	if err == nil && !validName(w.Name) {
		err = badName(w.Name)
	}
	if err == nil && len(w.Password) > maxPassword {
		err = api.Errorf(api.BadRequest, "use the password", "", "it has at most %d bytes", maxPassword)
	}
	if err == nil {
		err = p.knock(ctx, c, abuse.Login, w.Name)
	}
	var a *account
	if err == nil {
		a, err = p.enter(ctx, c, &w)
	}
	p.metrics.logins.WithLabelValues(outcome(err)).Inc()
	if err != nil {
		return err
	}
	return p.begin(c, http.StatusOK, a)
}

// enter begins a session for who knows the password. The oldest sessions of many make place.
func (p *Pinboard) enter(ctx context.Context, c *call, w *credentials) (*account, error) {
	h := p.home(w.Name)
	refused := api.Errorf(api.Unauthorised, "log in", "", "the name or the password is wrong")
	found, err := p.read(ctx, get(h.user()), get(h.password()), all(h.sessions(), 0), get(h.reset()))
	if err != nil {
		return nil, err
	}
	u, err := decode[user](first(&found[0]))
	if err != nil {
		return nil, err
	}
	kept, err := decode[password](first(&found[1]))
	if err != nil {
		return nil, err
	}
	fits, err := p.passwords.fits(ctx, w.Password, kept)
	if err != nil {
		return nil, err
	}
	switch {
	case !fits && u.active() && first(&found[3]) != nil:
		p.guessed(c, w.Name)
		return nil, errReset(w.Name)
	case !fits || !u.active():
		p.guessed(c, w.Name)
		return nil, refused
	}
	p.confirm(ctx, h, first(&found[1]), kept)
	token, start, err := p.newSession(h, now())
	if err != nil {
		return nil, err
	}
	surplus, err := surplusSessions(found[2].Records)
	if err != nil {
		return nil, err
	}
	same := api.Compare{Key: h.password(), What: api.Created, Is: "=", Number: first(&found[1]).Created} // who sets one makes it anew, who confirms it does not
	reply, err := p.run(ctx, &api.Txn{If: []api.Compare{h.active(), same}, Then: append([]api.Op{start}, surplus...)})
	switch {
	case err != nil:
		return nil, err
	case !reply.Succeeded:
		return nil, refused
	}
	return &account{Name: w.Name, Mail: u.Mail, Created: u.Created, Token: token}, nil
}

// newSession returns the token of a new session and the operation that begins it.
func (p *Pinboard) newSession(h home, at int64) (token string, _ api.Op, err error) {
	token, hash, err := p.newToken(h.name)
	if err != nil {
		return "", api.Op{}, err
	}
	return token, put(h.session(hash), session{at}, sessionTTL), nil
}

// begin answers with a session that has begun.
func (p *Pinboard) begin(c *call, status int, a *account) error {
	a.May = p.privileges(a.Name)
	c.setCookie(a.Token)
	return c.answer(status, a)
}

// logout ends the session.
func (p *Pinboard) logout(ctx context.Context, c *call) error {
	if err := c.noBody(); err != nil {
		return err
	}
	if _, err := p.run(ctx, &api.Txn{Then: []api.Op{remove(c.who.home.session(c.who.session))}}); err != nil {
		return err
	}
	c.setCookie("")
	return c.answer(http.StatusOK, struct{}{})
}

// me tells users of their account.
func (p *Pinboard) me(ctx context.Context, c *call) error {
	u, err := find[user](ctx, c.reading, c.who.user())
	if err != nil {
		return err
	}
	if !u.active() {
		return errGone(c.who.name)
	}
	return c.answer(http.StatusOK, &account{Name: c.who.name, Mail: u.Mail, Created: u.Created, May: p.privileges(c.who.name)})
}

// leave deletes the account: from now on nothing of it is shown, and jobs remove what there is.
func (p *Pinboard) leave(ctx context.Context, c *call) error {
	var w struct {
		Password string `json:"password"`
	}
	err := c.body(&w)
	if err == nil && len(w.Password) > maxPassword {
		err = api.Errorf(api.BadRequest, "use the password", "", "it has at most %d bytes", maxPassword)
	}
	if err == nil && c.who == nil {
		err = p.hasLeft(ctx, c)
	} else if err == nil {
		err = p.remove(ctx, c, w.Password)
	}
	p.metrics.departures.WithLabelValues(outcome(err)).Inc()
	if err != nil {
		return err
	}
	c.setCookie("")
	return c.answer(http.StatusOK, struct{}{})
}

// hasLeft tells whether the account was deleted by this very request, of which the answer was lost.
func (p *Pinboard) hasLeft(ctx context.Context, c *call) error {
	if name, session, ok := p.parseToken(token(c.r)); ok {
		u, err := find[user](ctx, newReading(p.fresh), p.home(name).user())
		if err != nil || u.leftBy(session) {
			return err
		}
	}
	return c.errNoSession()
}

// leftBy tells whether the account was deleted by a request with a session.
func (u *user) leftBy(session string) bool { return u != nil && u.Session == session }

func (p *Pinboard) remove(ctx context.Context, c *call, text string) error {
	who := c.who
	found, err := p.read(ctx, get(who.user()), get(who.password()))
	if err != nil {
		return err
	}
	if done, err := who.gone(found); err != nil || done {
		return err
	}
	if err := p.knows(ctx, c, first(&found[1]), text); err != nil {
		return err
	}
	removal, err := p.enqueue(who.home, kindDelete, letter{})
	if err != nil {
		return err
	}
	reply, err := p.run(ctx, &api.Txn{If: who.still(), Then: append([]api.Op{put(who.user(), &user{State: stateLeaving, Session: who.session}, 0),
		remove(who.password()), remove(who.reset()), removeAll(who.sessions())}, removal...), Else: []api.Op{get(who.user())}})
	if err != nil || reply.Succeeded {
		return err
	}
	done, err := who.gone(reply.Results)
	if err == nil && !done {
		err = errGone(who.name)
	}
	return err
}

// gone tells of what was read, the user first, whether this very request has deleted the account: the cache may know the session still.
// That something else has ended it is an error.
func (v *visitor) gone(found []api.Result) (bool, error) {
	u, err := decode[user](first(&found[0]))
	switch {
	case err != nil:
		return false, err
	case u.leftBy(v.session):
		return true, nil
	case !u.active():
		return false, errGone(v.name)
	}
	return false, nil
}

// knows refuses who does not know the password, and who may not try it now: a session may have been taken.
func (p *Pinboard) knows(ctx context.Context, c *call, record *api.Record, text string) error {
	if err := p.knock(ctx, c, abuse.Login, c.who.name); err != nil {
		return err
	}
	kept, err := decode[password](record)
	if err != nil {
		return err
	}
	fits, err := p.passwords.fits(ctx, text, kept)
	if err == nil && !fits {
		p.guessed(c, c.who.name)
		err = api.Errorf(api.Forbidden, "delete the account", c.who.name, "the password is wrong")
	}
	return err
}

// errGone says that the account or the session has ended while a request was served.
func errGone(name string) error {
	return api.Errorf(api.Unauthorised, "serve", name, "the session or the account has ended")
}
