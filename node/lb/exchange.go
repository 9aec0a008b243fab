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

// leastLeft is how much time a request must have to be worth another attempt.
const leastLeft = 5 * time.Millisecond

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
	place  *place
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
	a := &attempt{place: &place{server: s}, cancel: cancel, began: time.Now(), hedge: hedge}
	x.tried = append(x.tried, s)
	x.running = append(x.running, a)
	r := x.request.Clone(ctx)
	r.URL.Host = s.Address
	web.SetTimeout(r.Header, time.Until(x.until))
	switch {
	case x.stream != nil:
		slow := time.AfterFunc(slowAfter, func() { x.lasts(a.place) })
		x.stream.came = func() { slow.Stop(); x.counts(a.place) }
	case x.body != nil:
		r.Body = io.NopCloser(bytes.NewReader(x.body))
	case x.replays && bringsNothing(r.Method):
		r.Body = nothing{}
	case x.replays:
		r = r.WithContext(httptrace.WithClientTrace(ctx, x.trace(a)))
	}
	go func() {
		a.reply, a.err = x.transport.RoundTrip(r)
		x.finish(a)
		x.outcomes <- a
	}()
}

// nothing is a body without any bytes. A request that has no body at all net/http sends again by itself, if it may be repeated and a
// connection breaks that was used before: on each one that it has, whatever that does to the server. Of this one it cannot know.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }
func (nothing) Close() error             { return nil }

// bringsNothing tells whether net/http looks whether a body has any bytes before it says in the request that one comes.
func bringsNothing(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodDelete || method == http.MethodOptions
}

// trace counts how often net/http sends a request with a key and without a body, of which nothing cannot be the body. What it repeats is paid
// for like any second attempt; where there are too many the attempt ends.
func (x *exchange) trace(a *attempt) *httptrace.ClientTrace {
	return &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) {
		if n := a.sent.Add(1); n > 1 && (n >= mostAttempts || !x.retries.spend()) {
			a.cancel()
		}
	}}
}

// doubtful tells whether an attempt may have taken effect without an answer that says so.
func (a *attempt) doubtful() bool {
	if a.err != nil {
		return a.sent.Load() > 0 || !errors.As(a.err, new(web.NotReached))
	}
	return a.sent.Load() > 1 || a.reply.StatusCode == http.StatusBadGateway || a.reply.StatusCode == http.StatusGatewayTimeout
}

// finish takes note of how a server did. It has the request until its answer is read, or is one that takes long to read, unless the answer
// is that the connection is something else from now on.
func (x *exchange) finish(a *attempt) {
	if took := time.Since(a.began); x.tells(a, took) {
		x.answered(a.place.server, took, a.err == nil && a.reply.StatusCode < http.StatusInternalServerError)
	}
	if a.err != nil || a.reply.StatusCode == http.StatusSwitchingProtocols {
		x.leaves(a.place)
		return
	}
	a.reply.Body = x.lend(a)
}

// tells tells whether what came of an attempt says anything of its server. What was given up by the client, or for another answer, does not; nor
// does an answer that is not there when the client has not sent all of its body, or gave less time than answers take, nor that a server gives up
// within such a time.
func (x *exchange) tells(a *attempt, took time.Duration) bool {
	late := x.lateAfter()
	short := x.hurried && (late == 0 || took <= late)
	switch {
	case a.err == nil:
		return !short || a.reply.StatusCode != http.StatusServiceUnavailable && a.reply.StatusCode != http.StatusGatewayTimeout
	case errors.Is(context.Cause(x.request.Context()), context.DeadlineExceeded):
		return !x.unread() && !short
	}
	return x.request.Context().Err() == nil && !errors.Is(a.err, context.Canceled)
}

// answerBody ends an attempt when it is read or closed.
type answerBody struct {
	io.ReadCloser
	once sync.Once
	end  func()
}

// lend returns the body of an attempt's answer. One that is still read after streamAfter is a stream: it takes nobody's place, or a few
// clients that read slowly would have all that a server can do.
func (x *exchange) lend(a *attempt) *answerBody {
	x.begins(a.place)
	timer := time.AfterFunc(streamAfter, func() { x.lasts(a.place) })
	return &answerBody{ReadCloser: a.reply.Body, end: func() {
		a.cancel()
		timer.Stop()
		x.leaves(a.place)
	}}
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
	if x.request.Context().Err() != nil || !x.replays || time.Until(x.until) < leastLeft {
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
	if len(x.tried)+x.again >= mostAttempts {
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
