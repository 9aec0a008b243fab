package pinboard

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/metricstest"
	"picloud/node/proof"
)

// site is the instance of a node, with how its processor hashes passwords.
type site struct {
	*lab
	*Pinboard
	handler http.Handler
}

// oneCore is a processor as far as nothing runs on a certain core.
type oneCore struct{}

func (oneCore) Count() int                { return 1 }
func (oneCore) On(_ int, do func()) error { do(); return nil }

// site adds an instance on a node of a batch, which has its passwords verified or not.
func (l *lab) site(node, batch string, verify bool) *site {
	l.t.Helper()
	h := &host.Host{Name: node, Network: l.network(node), Cores: oneCore{}, Effort: l.effort, Log: slog.New(slog.DiscardHandler)}
	registry := prometheus.NewRegistry()
	var err error
	if l.proof, err = proof.New(proof.Config{Port: "9300", Batch: batch, Verify: verify}, h, l.store, registry); err != nil {
		l.t.Fatal(err)
	}
	p := l.instance(registry, map[string]string{"mail": "http://sink:80/mail", "site": "https://pins.example"})
	return &site{l, p, p.Handler()}
}

// lie has the node hash some passwords wrongly, always in the same way.
func (s *site) lie(which func(password string) bool) {
	right := s.passwords.derive
	s.passwords.derive = func(d *proof.Derivation) ([]byte, error) {
		key, err := right(d)
		if err == nil && which(d.Password) {
			key[7] ^= 16
		}
		return key, err
	}
}

func always(string) bool { return true }

// visit asks one instance.
func (s *site) visit(method, path string, body any) *reply {
	s.t.Helper()
	before := s.lab.handler
	defer func() { s.lab.handler = before }()
	s.lab.handler = s.handler
	return s.nobody().ask(method, path, body)
}

func (s *site) register(name string) *reply {
	s.t.Helper()
	return s.visit("POST", "/api/users", credentials{name, secret, name + "@example.org"})
}

func (s *site) login(name, password string) *reply {
	s.t.Helper()
	return s.visit("POST", "/api/session", credentials{Name: name, Password: password})
}

// kept returns what is kept of a user's password.
func (l *lab) kept(name string) *password {
	l.t.Helper()
	found, err := l.pinboard.read(context.Background(), get(l.pinboard.home(name).password()))
	if err != nil {
		l.t.Fatal(err)
	}
	k, err := decode[password](first(&found[0]))
	if err != nil || k == nil {
		l.t.Fatal(k, err)
	}
	return k
}

// condemn writes what a node would find out about itself.
func (l *lab) condemn(node string) {
	l.t.Helper()
	value, err := json.Marshal(proof.Finding{Node: node, Core: 2, Operation: proof.Operation, State: proof.Condemned, First: 1234})
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := l.store.Txn(context.Background(), &api.Txn{Then: []api.Op{{Kind: api.Put, Key: "@proof/" + node + "/2/sha256", Value: value}}}); err != nil {
		l.t.Fatal(err)
	}
}

// recheck has all partitions looked at, as often as nodes ask for it.
func (s *site) recheck(node string) {
	s.t.Helper()
	for range 2 {
		if err := s.recheckAll(context.Background(), node, node+"/1234"); err != nil {
			s.t.Fatal(err)
		}
	}
	s.drain()
}

// tokens returns the tokens that users were sent, by their names.
func (l *lab) tokens() map[string]string {
	l.t.Helper()
	tokens := map[string]string{}
	for _, m := range l.mail.sent() {
		if m.Kind != kindReset {
			continue
		}
		link := regexp.MustCompile(`https://pins\.example/#/reset/(\S+)`).FindStringSubmatch(m.Text)
		if link == nil || m.To != m.User+"@example.org" || tokens[m.User] != "" {
			l.t.Fatalf("a mail that asks for no reset, or a second one: %+v", m)
		}
		tokens[m.User] = link[1]
	}
	return tokens
}

func TestWithoutTestsNothingIsSaidOfWhoHashed(t *testing.T) {
	l := newLab(t)
	l.register("ann")
	if k := l.kept("ann"); k.By != nil || k.Proven != nil || k.At != 0 {
		t.Errorf("%+v", k)
	}
}

func TestAHashIsVerifiedBeforeTheAccountIsThere(t *testing.T) {
	l := newLab(t)
	well, faulty := l.site("pi-2", "b", true), l.site("pi-1", "a", true)
	well.register("ann").want(201)
	if k := l.kept("ann"); k.By == nil || k.By.Node != "pi-2" || k.Proven == nil || !k.Proven.Second {
		t.Errorf("%+v", k)
	}
	faulty.lie(always)
	faulty.register("ben").want(503, "condemned")
	well.visit("GET", "/api/users/ben", nil).want(404)
	well.register("ben").want(201) // the load balancer asks another instance
	well.login("ben", secret).want(200)
}

// TestTheStoryOfTheAccountsThatNobodyCouldLogInTo: nothing is verified, and one of two nodes hashes some passwords wrongly.
func TestTheStoryOfTheAccountsThatNobodyCouldLogInTo(t *testing.T) {
	l := newLab(t)
	faulty, well := l.site("pi-1", "a", false), l.site("pi-2", "b", false)
	lying := true
	faulty.lie(func(string) bool { return lying })
	faulty.register("ann").want(201)
	faulty.register("gone").want(201)
	lying = false
	faulty.register("ben").want(201)
	faulty.register("cat").want(201)
	well.register("dan").want(201)
	well.login("ann", secret).want(401)
	if k := l.kept("ann"); k.By == nil || k.By.Node != "pi-1" || k.By.Batch != "a" || k.At == 0 || k.Proven != nil {
		t.Errorf("%+v", k)
	}
	faulty.login("cat", secret).want(200) // which says nothing
	well.login("ben", secret).want(200)   // which says that it was hashed rightly
	if k := l.kept("ben"); k.Proven == nil || k.Proven.Node != "pi-2" {
		t.Errorf("%+v", k)
	}
	gone := person{lab: l, name: "gone"}
	found, err := l.pinboard.read(context.Background(), get(l.pinboard.home("gone").user()))
	if err != nil {
		t.Fatal(err)
	}
	u, err := decode[user](first(&found[0]))
	if err != nil {
		t.Fatal(err)
	}
	u.State = stateLeaving
	if _, err := l.pinboard.run(context.Background(), &api.Txn{Then: []api.Op{put(l.pinboard.home(gone.name).user(), u, 0)}}); err != nil {
		t.Fatal(err)
	}

	well.recheck("pi-1")
	tokens := l.tokens()
	if len(tokens) != 2 || tokens["ann"] == "" || tokens["cat"] == "" {
		t.Fatalf("asked are %v, not ann and cat", tokens)
	}
	well.recheck("pi-1") // another node asks later
	if again := l.tokens(); len(again) != 2 {
		t.Fatalf("asked again are %v", again)
	}
	well.login("ann", secret).want(403, "set it anew by the link")
	well.login("ann", "a guess of hers").want(403)
	well.login("cat", secret).want(200)
	well.visit("PUT", "/api/password", map[string]string{"token": tokens["cat"], "password": "another horse"}).want(401, "the link was used")

	var a account
	well.visit("PUT", "/api/password", map[string]string{"token": tokens["ann"], "password": "another horse"}).want(200).into(&a)
	well.visit("PUT", "/api/password", map[string]string{"token": tokens["ann"], "password": "another horse"}).want(200) // the answer was lost
	well.visit("PUT", "/api/password", map[string]string{"token": tokens["ann"], "password": "a third horse"}).want(401)
	well.login("ann", "another horse").want(200)
	well.login("ann", secret).want(401)
	(&person{lab: l, name: "ann", token: a.Token}).ask("GET", "/api/me", nil).want(200, "ann")
	if got := metricstest.Sum(t, l.registry, "picloud_pinboard_resets_total", resetAsked, "ok"); got != 2 {
		t.Errorf("%v were asked, as metrics say", got)
	}
}

func TestAPasswordIsSetByTheTokenOfTheMailOnly(t *testing.T) {
	l := newLab(t)
	faulty, well := l.site("pi-1", "a", false), l.site("pi-2", "b", false)
	faulty.register("ann").want(201)
	well.register("ben").want(201)
	var before account
	faulty.login("ann", secret).want(200).into(&before)
	well.recheck("pi-1")
	token := l.tokens()["ann"]
	name, text, _ := strings.Cut(token, ".")
	other := []byte(text)
	other[5] = 'A' + 'B' - min(max(other[5], 'A'), 'B') // another letter
	for _, try := range []struct {
		token, password string
		status          int
	}{
		{"", "another horse", 400},
		{"ann", "another horse", 400},
		{name + "." + string(other), "another horse", 401},
		{"ben." + text, "another horse", 401},
		{"nobody." + text, "another horse", 401},
		{before.Token, "another horse", 401},
		{token, "short", 400},
		{token, "another horse", 200},
	} {
		well.visit("PUT", "/api/password", map[string]string{"token": try.token, "password": try.password}).want(try.status)
	}
	(&person{lab: l, name: "ann", token: before.Token}).ask("GET", "/api/me", nil).want(401) // sessions end
	well.login("ben", secret).want(200)
}

// TestNoSessionBeginsByAPasswordThatIsAnotherOneMeanwhile: hashing takes a second on a Pi, and all sessions end where a password is set anew.
func TestNoSessionBeginsByAPasswordThatIsAnotherOneMeanwhile(t *testing.T) {
	l := newLab(t)
	faulty, well := l.site("pi-1", "a", false), l.site("pi-2", "b", false)
	faulty.register("ann").want(201)
	well.recheck("pi-1")
	token, right := l.tokens()["ann"], faulty.passwords.derive
	faulty.passwords.derive = func(d *proof.Derivation) ([]byte, error) {
		well.visit("PUT", "/api/password", map[string]string{"token": token, "password": "another horse"}).want(200)
		return right(d)
	}
	faulty.login("ann", secret).want(401)
	well.login("ann", "another horse").want(200)
}

func TestWhoHasLeftIsNotAskedAnyMore(t *testing.T) {
	l := newLab(t)
	faulty := l.site("pi-1", "a", false)
	var a account
	faulty.register("ann").want(201).into(&a)
	faulty.recheck("pi-1")
	(&person{lab: l, name: "ann", token: a.Token}).ask("DELETE", "/api/me", map[string]string{"password": secret}).want(200)
	l.drain()
	for _, key := range l.rows() {
		if strings.Contains(key, "/reset/") {
			t.Error(key)
		}
	}
}

// TestManyAreLookedAtAPartAtATime: a run of a job looks at so many and asks so many.
func TestManyAreLookedAtAPartAtATime(t *testing.T) {
	l := newLab(t)
	faulty := l.site("pi-1", "a", false)
	faulty.lie(always)
	const users = 2*recheckedAtOnce + 7
	for i := range users {
		faulty.register(fmt.Sprintf("user-%03d", i)).want(201)
	}
	faulty.recheck("pi-1")
	if got := len(l.tokens()); got != users {
		t.Errorf("%d of %d were asked", got, users)
	}
}

func TestALoginThatAFaultyProcessorRefusesIsLookedAtAgain(t *testing.T) {
	l := newLab(t)
	well, faulty := l.site("pi-2", "b", false), l.site("pi-1", "a", false)
	well.register("ann").want(201)
	faulty.lie(always)
	faulty.login("ann", secret).want(200) // by the second implementation
	faulty.login("ann", secret).want(401) // it has looked just now
	faulty.login("nobody", secret).want(401)
}

// TestACondemnedProcessorIsHeardOf: whoever runs looks at the ledger, and nobody needs to say anything.
func TestACondemnedProcessorIsHeardOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		faulty, well := l.site("pi-1", "a", false), l.site("pi-2", "b", false)
		faulty.lie(always)
		faulty.register("ann").want(201)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- well.Run(ctx) }()
		time.Sleep(2 * ledgerEvery)
		if l.drain(); len(l.tokens()) > 0 {
			t.Error("users are asked although nobody is condemned")
		}
		l.condemn("pi-1")
		time.Sleep(2 * ledgerEvery)
		if l.drain(); l.tokens()["ann"] == "" {
			t.Error("ann is not asked")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestWhoSetsAPasswordAgainIsAnsweredAgain: also who does so while the first request is under way still.
func TestWhoSetsAPasswordAgainIsAnsweredAgain(t *testing.T) {
	l := newLab(t)
	faulty, well, other := l.site("pi-1", "a", false), l.site("pi-2", "b", false), l.site("pi-3", "b", false)
	faulty.register("ann").want(201)
	well.recheck("pi-1")
	body := map[string]string{"token": l.tokens()["ann"], "password": "another horse"}
	right, first := well.passwords.derive, true
	well.passwords.derive = func(d *proof.Derivation) ([]byte, error) {
		if first {
			first = false
			other.visit("PUT", "/api/password", body).want(200)
		}
		return right(d)
	}
	var a account
	well.visit("PUT", "/api/password", body).want(200).into(&a)
	(&person{lab: l, name: "ann", token: a.Token}).ask("GET", "/api/me", nil).want(200)
}
