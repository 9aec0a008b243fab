package pinboard

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"picloud/node/api"
	"picloud/node/web"
)

// headerUser says in an answer whose session the request had.
const headerUser = "Pinboard-User"

// endpoint is what a path and a method lead to.
type endpoint struct {
	name       string   // in metrics and logs
	parameters []string // of the query, beside fresh
	anybody    bool     // it needs no session
	role       role     // which the caller must have
	serve      func(context.Context, *call) error
}

// call is a request with what is known about it.
type call struct {
	w       http.ResponseWriter
	r       *http.Request
	who     *visitor // nil without a session
	reading *reading
}

// Handler serves the page, pictures and the API below /api/.
func (p *Pinboard) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, all := range []map[string]map[string]endpoint{p.endpoints(), p.guarded()} {
		for path, methods := range all {
			mux.Handle(path, p.methods(methods))
		}
	}
	for path, file := range pages() {
		mux.Handle(path, file)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		web.Refuse(w, web.NoPath(r, "there is nothing"))
	})
	return mux
}

func (p *Pinboard) endpoints() map[string]map[string]endpoint {
	return map[string]map[string]endpoint{
		"/api/users": {
			http.MethodPost: {name: "register", anybody: true, serve: p.register}},
		"/api/users/{name}": {
			http.MethodGet: {name: "profile", anybody: true, parameters: []string{"before"}, serve: p.profile}},
		"/api/session": {
			http.MethodPost:   {name: "login", anybody: true, serve: p.login},
			http.MethodDelete: {name: "logout", serve: p.logout}},
		"/api/password": {
			http.MethodPut: {name: "set password", anybody: true, serve: p.setPassword}},
		"/api/me": {
			http.MethodGet:    {name: "me", serve: p.me},
			http.MethodDelete: {name: "leave", anybody: true, serve: p.leave}},
		"/api/posts": {
			http.MethodPost: {name: "post", serve: p.createPost}},
		"/api/posts/{name}/{id}": {
			http.MethodGet:    {name: "read post", anybody: true, serve: p.readPost},
			http.MethodDelete: {name: "delete post", serve: p.deletePost}},
		"/api/timeline": {
			http.MethodGet: {name: "timeline", parameters: []string{"before"}, serve: p.timeline}},
		"/api/follows": {
			http.MethodGet: {name: "follows", serve: p.listFollows}},
		"/api/follows/{name}": {
			http.MethodPut:    {name: "follow", serve: p.follow},
			http.MethodDelete: {name: "unfollow", serve: p.unfollow}},
		"/pictures/{name}/{place}": {
			http.MethodGet: {name: "picture", anybody: true, serve: p.servePicture}},
		"/pictures/{name}/{place}/thumbnail": {
			http.MethodGet: {name: "thumbnail", anybody: true, serve: p.serveThumbnail}},
	}
}

// methods serves the endpoints of one path.
func (p *Pinboard) methods(endpoints map[string]endpoint) http.Handler {
	if get, ok := endpoints[http.MethodGet]; ok {
		endpoints[http.MethodHead] = get
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, e := &call{w: w, r: r, reading: newReading(p.kit.Cache)}, endpoint{name: "other", serve: func(context.Context, *call) error {
			return web.NotAllowed(w, r, endpoints)
		}, anybody: true}
		if known, ok := endpoints[r.Method]; ok {
			e = known
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Vary", "Authorization, Cookie")
		h.Set("X-Content-Type-Options", "nosniff")
		if err := p.serve(r.Context(), c, &e); err != nil {
			p.refuse(c, &e, err)
		}
	})
}

// serve lets the caller in and answers.
func (p *Pinboard) serve(ctx context.Context, c *call, e *endpoint) error {
	web.BodyWithin(c.w, bodyTimeout)
	if e.name == "other" {
		return e.serve(ctx, c)
	}
	if c.r.Header.Get("Authorization") == "" { // what a browser adds by itself may be sent by any page
		if err := p.csrf.Check(c.r); err != nil {
			return api.Errorf(api.Forbidden, "serve", "the request", "it comes from another site's page: %s", err)
		}
	}
	known := e.parameters
	if c.reads() {
		known = append(slices.Clone(known), "fresh")
	}
	query, err := web.Query(c.r, known...)
	if err != nil {
		return err
	}
	if err := p.admit(ctx, c, e, query.Get("fresh")); err != nil {
		return err
	}
	return e.serve(ctx, c)
}

// admit finds out who calls, and from where the call reads.
func (p *Pinboard) admit(ctx context.Context, c *call, e *endpoint, fresh string) error {
	switch fresh {
	case "", "false":
	case "true":
		c.reading = newReading(p.fresh)
	default:
		return api.Errorf(api.BadRequest, "read the query", "fresh", "it is true or false, not %.20q", fresh)
	}
	var err error
	if c.who, err = p.visitor(ctx, c); err != nil {
		return err
	}
	if c.who != nil {
		c.w.Header().Set(headerUser, c.who.name)
	} else if !e.anybody {
		return c.errNoSession()
	}
	return p.authorise(ctx, c, e)
}

func (c *call) errNoSession() error {
	c.w.Header().Set("WWW-Authenticate", "Bearer")
	return api.Errorf(api.Unauthorised, "serve", "", "it takes a session (a cookie, or Authorization: Bearer TOKEN)")
}

// refuse answers with an error.
func (p *Pinboard) refuse(c *call, e *endpoint, err error) {
	if web.StatusOf(err) >= http.StatusInternalServerError && c.r.Context().Err() == nil { // who went away is not missed
		p.kit.Log.WarnContext(c.r.Context(), "a request failed", "endpoint", e.name, "kind", api.KindOf(err), "request", c.r.Header.Get(web.RequestIDHeader), "error", err)
	}
	c.setAge()
	web.Refuse(c.w, err)
}

// reads tells whether the request changes nothing.
func (c *call) reads() bool { return c.r.Method == http.MethodGet || c.r.Method == http.MethodHead }

// setAge says how old the answer may be. One to a write is as of the write.
func (c *call) setAge() {
	var age time.Duration
	if c.reads() {
		age = c.reading.oldest
	}
	c.w.Header().Set(web.AgeHeader, strconv.FormatInt(age.Milliseconds(), 10))
}

// answer sends a value.
func (c *call) answer(status int, v any) error {
	body, err := web.AsJSON(v)
	if err != nil {
		return api.Errorf(api.Internal, "encode the answer", "", "%s", err)
	}
	c.setAge()
	web.Reply(c.w, status, body)
	return nil
}

// bodyTimeout is how long a client may take to send a body.
const bodyTimeout = 30 * time.Second
