package pinboard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/app"
	"picloud/node/cache"
	"picloud/node/host/hosttest"
	"picloud/node/proof"
	"picloud/node/store/storetest"
)

// quick is an effort that does little of the work, and counts it.
type quick struct {
	mu     sync.Mutex
	rounds int
	slow   chan struct{} // if there is one, each piece of work waits for it
}

func (q *quick) Rounds(n int, _ time.Duration) int {
	q.mu.Lock()
	q.rounds += n
	q.mu.Unlock()
	if q.slow != nil {
		<-q.slow
	}
	return 2
}

// lab is an instance of the application on a store in memory, with a sink for mail.
type lab struct {
	t        testing.TB
	store    *storetest.Store
	shaky    *shaky // what the application has of it
	cache    *lagging
	effort   *quick
	registry *prometheus.Registry
	pinboard *Pinboard
	handler  http.Handler
	network  func(string) *hosttest.Memory
	mail     *sink
	proof    *proof.Checker // of instances that are made from now on; nil for none
	guard    *script        // which the application asks with the option abuse
}

// partitions are few, so that users share them.
const partitions = 3

func newLab(t testing.TB) *lab { return newLabWith(t, nil) }

// newLabWith returns a lab with more options.
func newLabWith(t testing.TB, more map[string]string) *lab {
	t.Helper()
	l := &lab{t: t, store: storetest.New(t), effort: &quick{}, registry: prometheus.NewRegistry(), network: hosttest.NewMemory()}
	l.shaky = &shaky{l.store}
	l.cache = &lagging{store: cache.Direct(l.shaky)}
	l.guard = newScript(t, l.store)
	options := map[string]string{"mail": "http://sink:80/mail", "site": "https://pins.example"}
	maps.Copy(options, more)
	l.pinboard = l.instance(l.registry, options)
	l.handler = l.pinboard.Handler()
	l.mail = l.newSink()
	return l
}

// instance makes one more instance on the same store.
func (l *lab) instance(registry *prometheus.Registry, options map[string]string) *Pinboard {
	l.t.Helper()
	a, err := New(app.Kit{Node: "pi-1", Store: l.shaky, Cache: l.cache, Abuse: l.guard, Proof: l.proof, Network: l.network("pi-1"), Effort: l.effort,
		Log: slog.New(slog.DiscardHandler), Metrics: registry, Options: options})
	if err != nil {
		l.t.Fatal(err)
	}
	p := a.(*Pinboard)
	p.options.partitions.Count = partitions
	return p
}

// lagging is a cache that keeps what it has read once until it is told to forget it, with an age.
type lagging struct {
	store cache.Reader
	mu    sync.Mutex
	keeps bool
	age   time.Duration
	known map[string]cache.Answer
}

func (l *lagging) Read(ctx context.Context, ops ...api.Op) ([]cache.Answer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	answers := make([]cache.Answer, len(ops))
	for i, o := range ops {
		key := fmt.Sprint(o)
		if a, is := l.known[key]; is {
			answers[i] = cache.Answer{Result: a.Result, Revision: a.Revision, Age: l.age, From: "cache"}
			continue
		}
		a, err := l.store.Read(ctx, o)
		if err != nil {
			return nil, err
		}
		if answers[i] = a[0]; l.keeps {
			l.known[key] = a[0]
		}
	}
	return answers, nil
}

// reply is what came of a request.
type reply struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	body   []byte
}

// want fails the test unless the reply has a status, and its body holds some texts.
func (r *reply) want(status int, parts ...string) *reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("%s: status %d, not %d: %.500s", r.what, r.status, status, r.body)
	}
	for _, part := range parts {
		if !bytes.Contains(r.body, []byte(part)) {
			r.t.Fatalf("%s: %q is not in %.1000s", r.what, part, r.body)
		}
	}
	return r
}

func (r *reply) into(v any) {
	r.t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		r.t.Fatalf("%s: %v: %.500s", r.what, err, r.body)
	}
}

// person asks as a user.
type person struct {
	*lab
	name  string
	token string
	n     int
	fault *fault // for requests, if there is one
}

const secret = "correct horse"

func (l *lab) nobody() *person { return &person{lab: l} }

// register makes an account.
func (l *lab) register(name string) *person {
	l.t.Helper()
	p := &person{lab: l, name: name}
	var a account
	p.ask("POST", "/api/users", credentials{name, secret, name + "@example.org"}).want(201).into(&a)
	p.token = a.Token
	return p
}

// ask sends a request. A body is sent as JSON, unless it is a text, a form or an upload; headers are "Name: value".
func (p *person) ask(method, path string, body any, headers ...string) *reply {
	p.t.Helper()
	var in io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
		kind = ""
	case string:
		in = strings.NewReader(b)
	case *form:
		kind, in = b.finish()
	case upload:
		kind, in = b.kind, b.Reader
	default:
		in = bytes.NewReader(encode(b))
	}
	r := httptest.NewRequest(method, "http://pinboard.test"+path, in)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if p.token != "" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
	r = r.WithContext(p.fault.in(r.Context()))
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return &reply{p.t, fmt.Sprintf("%s %s as %q", method, path, p.name), w.Code, w.Header(), w.Body.Bytes()}
}

// post posts a text.
func (p *person) post(text string) *shownPost {
	p.t.Helper()
	p.n++
	var s shownPost
	p.ask("POST", "/api/posts", draft{ID: fmt.Sprintf("%s-%d", p.name, p.n), Text: text}).want(201).into(&s)
	return &s
}

// photograph posts a picture.
func (p *person) photograph(id string, file []byte) *shownPost {
	p.t.Helper()
	var s shownPost
	p.ask("POST", "/api/posts", newForm().field("id", id).field("text", "a photo").file("picture", "p.png", file)).want(201).into(&s)
	return &s
}

func (p *person) follow(other *person) {
	p.t.Helper()
	p.ask("PUT", "/api/follows/"+other.name, nil).want(200)
}

// lines returns the texts in the timeline.
func (p *person) lines() []string {
	p.t.Helper()
	return p.texts("/api/timeline")
}

// texts returns the texts of a list of posts.
func (p *person) texts(path string) []string {
	p.t.Helper()
	texts := []string{}
	for _, s := range p.list(path) {
		texts = append(texts, s.Text)
	}
	return texts
}

// list returns a list of posts, over all of its pages.
func (p *person) list(path string) (posts []*shownPost) {
	p.t.Helper()
	for next := ""; ; {
		var list page
		p.ask("GET", path+"?before="+next, nil).want(200).into(&list)
		posts = append(posts, list.Posts...)
		if next = list.Next; next == "" {
			return posts
		}
	}
}

// GoString is how rapid names a person.
func (p *person) GoString() string { return p.name }

// form is a form that is sent as multipart/form-data.
type form struct {
	body bytes.Buffer
	*multipart.Writer
}

func newForm() *form {
	f := &form{}
	f.Writer = multipart.NewWriter(&f.body)
	return f
}

func (f *form) field(name, value string) *form {
	if err := f.WriteField(name, value); err != nil {
		panic(err)
	}
	return f
}

func (f *form) file(name, filename string, data []byte) *form {
	w, err := f.CreateFormFile(name, filename)
	if err == nil {
		_, err = w.Write(data)
	}
	if err != nil {
		panic(err)
	}
	return f
}

func (f *form) finish() (string, io.Reader) {
	if err := f.Close(); err != nil {
		panic(err)
	}
	return f.FormDataContentType(), &f.body
}

// upload is a body of some type that is sent as it comes.
type upload struct {
	kind string
	io.Reader
}

// photo is a PNG of a size, of a colour that is made of the number.
func photo(t testing.TB, w, h, n int) []byte {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.RGBA{uint8(x * n), uint8(y * n), uint8(n * 37), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rows returns the keys of all that lies in the store, without what jobs have done elsewhere.
func (l *lab) rows() []string {
	l.t.Helper()
	var keys []string
	for _, partition := range l.pinboard.options.partitions.All() {
		found, err := l.store.Txn(context.Background(), &api.Txn{Then: []api.Op{{Kind: api.Scan, Key: partition + "/", Limit: api.MaxRange}}})
		if err != nil {
			l.t.Fatal(err)
		}
		for _, r := range found.Results[0].Records {
			keys = append(keys, r.Key)
		}
	}
	return keys
}

// sink takes mail, and fails as often as it is told to.
type sink struct {
	mu       sync.Mutex
	messages []message
	failures int
}

func (l *lab) newSink() *sink {
	l.t.Helper()
	listener, err := l.network("sink").Listen("tcp", ":80")
	if err != nil {
		l.t.Fatal(err)
	}
	s := &sink{}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		var m message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || r.Header.Get("Idempotency-Key") != m.ID || r.URL.Path != "/mail" {
			l.t.Errorf("%s %s, %v: %+v", r.Method, r.URL, err, m)
		}
		s.messages = append(s.messages, m)
		if s.failures > 0 {
			s.failures--
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	l.t.Cleanup(func() { _ = server.Close(); <-done; l.pinboard.mail.CloseIdleConnections() })
	return s
}

// sent returns the messages that came.
func (s *sink) sent() []message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}
