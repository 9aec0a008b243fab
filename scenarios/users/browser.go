package users

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/wait"
	"picloud/node/web"
)

// browser keeps a session, and talks to one balancer until it does not answer.
type browser struct {
	config  *Config
	client  *http.Client
	at      int    // the balancer
	session string // the token of who is logged in
	hasty   bool   // being told to come later is an answer
	refused bool   // since it was last looked at, an answer said that a request was taken for abuse
}

func newBrowser(h *host.Host, c *Config) (*browser, error) {
	known := x509.NewCertPool()
	if !known.AppendCertsFromPEM([]byte(c.Certificate)) {
		return nil, errors.New("users: the balancers' certificate cannot be read")
	}
	return &browser{config: c, at: rand.IntN(len(c.Balancers)), client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				ctx, cancel := context.WithTimeout(ctx, connectLimit)
				defer cancel()
				return h.Network.DialContext(ctx, network, address)
			},
			// One name for all balancers, as they are behind one name for people.
			TLSClientConfig:     &tls.Config{RootCAs: known, ServerName: c.ServerName, MinVersion: tls.VersionTLS13},
			TLSHandshakeTimeout: connectLimit,
			MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
		},
	}}, nil
}

// connectLimit is how long a balancer has to accept a connection before another one is asked.
const connectLimit = time.Second

// call is a request of the user's browser.
type call struct {
	method, path string
	body         any    // as JSON, or a raw one
	key          string // of the action: with it a request may be repeated
	fine         []int  // statuses that are as good as 2xx and 404 are
}

type raw struct {
	kind string
	data []byte
}

// answer is what came of a request.
type answer struct {
	status int
	body   []byte
	header http.Header
}

// age returns how old the answer may be, as it says.
func (a *answer) age() time.Duration {
	ms, _ := strconv.ParseInt(a.header.Get(web.AgeHeader), 10, 64)
	return time.Duration(ms) * time.Millisecond
}

// repeated tells whether the load balancer has sent the request more than once: what the one that it answers with has not done,
// another one may have, or still do.
func (a *answer) repeated() bool {
	return !slices.Contains([]string{"", "1"}, a.header.Get(web.AttemptsHeader))
}

// refusal tells whether the answer says that the request was taken for abuse, and after which time to come again.
func (a *answer) refusal() (after time.Duration, yes bool) {
	var e api.Error
	if a.status != http.StatusForbidden && a.status != http.StatusTooManyRequests || json.Unmarshal(a.body, &e) != nil {
		return 0, false
	}
	return time.Duration(e.RetryAfter) * time.Millisecond, e.Kind == api.Refused || e.Kind == api.TooMany
}

// do makes a call until it is answered with something that will not change, or the time is over. The answer is nil if there was
// none; sent tells whether any attempt may have had an effect.
func (b *browser) do(ctx context.Context, c *call) (a *answer, sent bool, err error) {
	for tries := 0; ; tries++ {
		a, sure, e := b.attempt(ctx, c)
		sent = sent || !sure
		var later time.Duration // before which there is no use in asking again
		if e == nil {
			var refused bool
			later, refused = a.refusal()
			b.refused = b.refused || refused
			if a.status < 500 && (a.status != http.StatusTooManyRequests || b.hasty) {
				return a, sent, nil
			}
		}
		if err = e; e == nil {
			err = fmt.Errorf("status %d: %.200s", a.status, a.body)
		}
		b.at = (b.at + 1) % len(b.config.Balancers)
		if !wait.For(ctx, later+min(50*time.Millisecond<<min(tries, 5), time.Second)/2+rand.N(100*time.Millisecond)) {
			return nil, sent, err
		}
	}
}

// attempt makes a call once. Sure tells that it had no effect but what the answer says.
func (b *browser) attempt(ctx context.Context, c *call) (a *answer, sure bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, b.config.Patience)
	defer cancel()
	r, err := b.request(ctx, c)
	if err != nil {
		return nil, true, err
	}
	var sent atomic.Int32 // net/http sends again by itself what has a key, if a connection breaks
	r = r.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent.Add(1) }}))
	reply, err := b.client.Do(r)
	if err != nil {
		return nil, false, err
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(io.LimitReader(reply.Body, 4<<20))
	if err != nil {
		return nil, false, err
	}
	a = &answer{reply.StatusCode, body, reply.Header}
	return a, sent.Load() <= 1 && (a.status == http.StatusServiceUnavailable || a.status < 500 && !a.repeated()), nil
}

func (b *browser) request(ctx context.Context, c *call) (*http.Request, error) {
	var body io.Reader
	kind := ""
	switch v := c.body.(type) {
	case nil:
	case raw:
		kind, body = v.kind, bytes.NewReader(v.data)
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		kind, body = "application/json", bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, c.method, "https://"+net.JoinHostPort(b.config.Balancers[b.at], b.config.Port)+c.path, body)
	if err != nil {
		return nil, err
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if b.session != "" {
		r.Header.Set("Authorization", "Bearer "+b.session)
	}
	if c.key != "" {
		r.Header.Set(web.IdempotencyHeader, c.key)
	}
	return r, nil
}
