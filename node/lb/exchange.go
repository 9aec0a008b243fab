package lb

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"picloud/node/api"
	"picloud/node/wait"
	"picloud/node/web"
)

// mostAttempts bounds how often one request is sent.
const mostAttempts = 3

// passOn is what the load balancer does to a service, as its errors say it.
const passOn = "pass on to"

// exchange is a request on its way to some server, and perhaps to another one.
type exchange struct {
	*pool
	*passage
	request  *http.Request
	outcomes chan *attempt
	tried    []*server
	running  []*attempt
	doubt    bool // an attempt that has ended may have taken effect
	again    int  // how often net/http has sent it again by itself
}

// attempt is a request on its way to one server.
type attempt struct {
	server *server
	cancel context.CancelFunc
	began  time.Time
	hedge  bool
	sent   atomic.Int32 // how often, if net/http may send it again by itself
	reply  *http.Response
	err    error
}

// run sends the request to one server after another until one has a good answer, or until nothing more is worth
// trying. The answer's body must be closed.
func (x *exchange) run() (*http.Response, error) {
	s, err := x.take(x.request.Context(), x.route.priority().rank())
	if err != nil {
		return nil, err
	}
	x.retries.earn()
	var late <-chan time.Time
	if x.reads() {
		x.hedges.earn()
		if after := x.lateAfter(); after > 0 {
			t := time.NewTimer(after)
			defer t.Stop()
			late = t.C
		}
	}
	x.start(s, false)
	for {
		select {
		case a := <-x.outcomes:
			x.running = slices.DeleteFunc(x.running, func(b *attempt) bool { return a == b })
			x.doubt = x.doubt || a.doubtful()
			x.again += max(0, int(a.sent.Load())-1)
			if !x.worthAnother(a) {
				return x.end(a)
			}
			if len(x.running) > 0 {
				x.drop(a)
				continue // the other one may do better
			}
			s := x.second(a)
			if s == nil {
				return x.end(a)
			}
			x.drop(a)
			x.start(s, false)
		case <-late:
			late = nil
			x.hedge()
		}
	}
}

// reads tells whether the request asks for something and brings nothing.
func (x *exchange) reads() bool {
	m := x.request.Method
	return (m == http.MethodGet || m == http.MethodHead) && x.replays && x.body == nil && x.request.Header.Get("Upgrade") == ""
}

// harmless tells whether the request is of a sort that changes nothing.
func (x *exchange) harmless() bool {
	m := x.request.Method
	return m == http.MethodGet || m == http.MethodHead || m == http.MethodOptions
}

// repeatable tells whether the request has the same effect when it is done twice.
func (x *exchange) repeatable() bool {
	switch x.request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return x.request.Header.Get(web.IdempotencyHeader) != ""
}

func (x *exchange) lateAfter() time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.late
}

// start sends the request to a server that was taken.
func (x *exchange) start(s *server, hedge bool) {
	ctx, cancel := context.WithCancel(x.request.Context())
	a := &attempt{server: s, cancel: cancel, began: time.Now(), hedge: hedge}
	x.tried = append(x.tried, s)
	x.running = append(x.running, a)
	r := x.request.Clone(ctx)
	r.URL.Host = s.Address
	if x.body != nil {
		r.Body = io.NopCloser(bytes.NewReader(x.body))
	}
	web.SetTimeout(r.Header, time.Until(x.until))
	if x.replays && x.body == nil && !x.harmless() {
		r = r.WithContext(httptrace.WithClientTrace(ctx, a.trace()))
	}
	go func() {
		a.reply, a.err = x.transport.RoundTrip(r)
		x.finish(a)
		x.outcomes <- a
	}()
}

// trace counts how often net/http sends a request: one with a key and without a body it sends again by itself, if a
// connection breaks that was used before.
func (a *attempt) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { a.sent.Add(1) }}
}

// doubtful tells whether an attempt may have taken effect without an answer that says so.
func (a *attempt) doubtful() bool {
	if a.err != nil {
		return a.sent.Load() > 0 || !errors.As(a.err, new(web.NotReached))
	}
	return a.sent.Load() > 1 || a.reply.StatusCode == http.StatusBadGateway || a.reply.StatusCode == http.StatusGatewayTimeout
}

// finish takes note of how a server did. It has the request until its answer is read, unless the answer is that
// the connection is something else from now on.
func (x *exchange) finish(a *attempt) {
	if took := time.Since(a.began); x.tells(a, took) {
		x.answered(a.server, took, a.err == nil && a.reply.StatusCode < http.StatusInternalServerError)
	}
	if a.err != nil || a.reply.StatusCode == http.StatusSwitchingProtocols {
		x.release(a.server)
		return
	}
	a.reply.Body = &answerBody{ReadCloser: a.reply.Body, end: func() { a.cancel(); x.release(a.server) }}
}

// tells tells whether what came of an attempt says anything of its server. What was given up by the client, or for another answer, does not; nor
// does an answer that is not there when the client has not sent all of its body, or gave less time than answers take.
func (x *exchange) tells(a *attempt, took time.Duration) bool {
	if !errors.Is(context.Cause(x.request.Context()), context.DeadlineExceeded) {
		return x.request.Context().Err() == nil && !errors.Is(a.err, context.Canceled)
	}
	late := x.lateAfter()
	return a.err == nil || !x.unread() && (!x.hurried || late > 0 && took > late)
}

// answerBody ends an attempt when it is read or closed.
type answerBody struct {
	io.ReadCloser
	once sync.Once
	end  func()
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.once.Do(b.end)
	}
	return n, err
}

func (b *answerBody) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(b.end)
	return err
}

// worthAnother tells whether the request may be sent once more after what came of an attempt.
func (x *exchange) worthAnother(a *attempt) bool {
	if x.request.Context().Err() != nil || !x.replays {
		return false
	}
	if a.err != nil {
		return errors.As(a.err, new(web.NotReached)) || x.repeatable()
	}
	switch a.reply.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return x.repeatable()
	}
	return false
}

// second returns the server for one more attempt, nil if there is to be none. If it was tried already it is left
// alone for a moment.
func (x *exchange) second(a *attempt) *server {
	if len(x.tried) >= mostAttempts {
		return nil
	}
	if !x.retries.spend() {
		x.metrics.retries.WithLabelValues(x.service, retryOverBudget).Inc()
		return nil
	}
	s := x.takeAnother(x.tried)
	if s == nil {
		x.metrics.retries.WithLabelValues(x.service, retryNoRoom).Inc()
		return nil
	}
	if slices.Contains(x.tried, s) && !wait.For(x.request.Context(), time.Duration(len(x.tried))*(25*time.Millisecond+rand.N(50*time.Millisecond))) {
		x.release(s)
		return nil
	}
	x.metrics.retries.WithLabelValues(x.service, retrySent).Inc()
	return s
}

// hedge sends the request to one more server, as the first answer is late.
func (x *exchange) hedge() {
	if len(x.tried) >= mostAttempts || !x.hedges.spend() {
		return
	}
	s := x.takeAnother(x.tried)
	if s == nil {
		return
	}
	if slices.Contains(x.tried, s) {
		x.release(s)
		return
	}
	x.metrics.hedges.WithLabelValues(x.service, "sent").Inc()
	x.start(s, true)
}

// end makes an attempt the one that counts.
func (x *exchange) end(a *attempt) (*http.Response, error) {
	for range x.running {
		go func() { x.drop(<-x.outcomes) }()
	}
	for _, b := range x.running {
		b.cancel()
	}
	if a.hedge && a.err == nil {
		x.metrics.hedges.WithLabelValues(x.service, "won").Inc()
	}
	if a.err != nil {
		a.cancel()
		return nil, x.failure(a.err)
	}
	reply := a.reply
	if reply.StatusCode == http.StatusServiceUnavailable && x.doubt && !x.harmless() {
		reply = x.unknown(a.reply)
		x.drop(a)
	}
	reply.Header.Set(web.AttemptsHeader, strconv.Itoa(len(x.tried)+x.again))
	return reply, nil
}

// unknown returns what is answered in place of a refusal: that one had no effect, but an attempt before it may have.
func (x *exchange) unknown(refusal *http.Response) *http.Response {
	err := api.Errorf(api.Unknown, passOn, x.service, "it was sent and not answered, and refused when it was sent again")
	body, e := web.AsJSON(err)
	if e != nil {
		body = nil // does not happen: it is text
	}
	return &http.Response{
		StatusCode: web.StatusOf(err), Proto: refusal.Proto, ProtoMajor: refusal.ProtoMajor, ProtoMinor: refusal.ProtoMinor, Request: refusal.Request,
		Header: http.Header{"Content-Type": {"application/json"}, "Content-Length": {strconv.Itoa(len(body))}},
		Body:   io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// drop forgets an attempt.
func (x *exchange) drop(a *attempt) {
	a.cancel()
	if a.err == nil {
		_ = a.reply.Body.Close()
	}
}

// failure says what is known of a request that no server has answered.
func (x *exchange) failure(err error) error {
	switch {
	case !x.doubt, x.harmless() && context.Cause(x.request.Context()) == nil:
		return api.Errorf(api.Unavailable, passOn, x.service, "%s", err)
	case context.Cause(x.request.Context()) != nil:
		err = context.Cause(x.request.Context())
	}
	return api.Errorf(api.Unknown, passOn, x.service, "%s", err)
}
