package users

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"sync"
	"time"

	"picloud/node/wire"
	"picloud/scenarios/history"
)

// sink takes mail, and writes down each message that it gets, repetitions too.
type sink struct {
	*crowd
	number int
	mu     sync.Mutex // a client does one thing at a time
}

func (s *sink) serve(ctx context.Context, l net.Listener) {
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	_ = server.Serve(wire.Detect(l)) // it ends with the context
}

// message is a mail as Pinboard sends it.
type message struct {
	ID   string `json:"id"`
	User string `json:"user"`
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// resetLink is in mails that ask for a new password.
var resetLink = regexp.MustCompile(`/#/reset/(\S+)`)

// ServeHTTP takes a message.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	var m message
	if err != nil || json.Unmarshal(body, &m) != nil || m.ID == "" || m.User == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	action := history.ActMail
	if link := resetLink.FindStringSubmatch(m.Text); link != nil {
		action = history.ActResetMail
		s.crowd.mu.Lock()
		s.tokens[m.User] = link[1]
		s.crowd.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.sinceStart()
	s.record(history.Operation{Client: s.number, Kind: history.Use, Key: m.User, Call: now, Return: now, Outcome: history.OK,
		Use: &history.Visit{Action: action, ID: m.ID}})
	w.WriteHeader(http.StatusNoContent)
}
