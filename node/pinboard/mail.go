package pinboard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/lambda"
	"picloud/node/web"
	"picloud/node/wire"
)

// mailTimeout is how long the sink may take for a message.
const mailTimeout = 10 * time.Second

// message is a mail for the sink, which sends it on. One that comes again has the same ID.
type message struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	User    string `json:"user"`
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// schemeChecked is the scheme of sinks that are reached by HTTP over checked streams (package wire).
const schemeChecked = "checked"

func checkSink(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != schemeChecked || u.Port() == "" || u.User != nil {
		return errors.New("it is http://NAME:PORT/PATH, or checked://… for a sink that speaks the cloud's checked streams")
	}
	return nil
}

func checkSite(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return errors.New("it is https://NAME, without a path")
	}
	return nil
}

// newMailClient returns a client for sinks of both schemes.
func newMailClient(network host.Network) *http.Client {
	plain := &http.Transport{DialContext: network.DialContext, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}
	checked := &http.Transport{DialContext: wire.Network{Network: network}.DialContext, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}
	plain.RegisterProtocol(schemeChecked, over{checked})
	return &http.Client{Transport: plain, Timeout: mailTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// over sends requests by another transport, as plain HTTP.
type over struct{ transport *http.Transport }

func (o over) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme = "http"
	return o.transport.RoundTrip(r)
}

// doMail greets whoever has registered. The sink may get the message more than once.
func (p *Pinboard) doMail(ctx context.Context, r *lambda.Run, l letter) (*lambda.Effect, error) {
	found, err := p.read(ctx, get(p.home(l.Name).user()))
	if err != nil {
		return nil, err
	}
	u, err := decode[user](first(&found[0]))
	if err != nil || !u.active() {
		return nil, err // who has left gets no mail
	}
	err = p.send(ctx, &message{ID: r.ID, Kind: "welcome", User: l.Name, To: u.Mail, Subject: "Welcome to Pinboard, " + l.Name,
		Text: "Hello " + l.Name + ",\n\nyou have registered at Pinboard with this mail address. Have a good time!\n"})
	p.metrics.mails.WithLabelValues(outcome(err)).Inc()
	return nil, err
}

// send gives a message to the sink. Without one it is logged.
func (p *Pinboard) send(ctx context.Context, m *message) error {
	if p.options.mail == "" {
		p.kit.Log.InfoContext(ctx, "a mail goes nowhere, as there is no sink (option mail)", "id", m.ID, "kind", m.Kind, "user", m.User)
		return nil
	}
	const doing = "send the mail"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.options.mail, bytes.NewReader(encode(m)))
	if err != nil {
		return api.Errorf(api.Internal, doing, m.ID, "%s", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(web.IdempotencyHeader, m.ID)
	reply, err := p.mail.Do(r)
	if err != nil {
		return api.Errorf(api.Unavailable, doing, m.ID, "%s", err)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(reply.Body, 64<<10))
	if err = errors.Join(err, reply.Body.Close()); err == nil && reply.StatusCode/100 != 2 {
		err = fmt.Errorf("the sink answers with status %d", reply.StatusCode)
	}
	if err != nil {
		return api.Errorf(api.Unavailable, doing, m.ID, "%s", err)
	}
	return nil
}
