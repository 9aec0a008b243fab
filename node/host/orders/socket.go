package orders

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

const (
	path     = "/orders"
	most     = 1 << 20 // bytes of orders, and of replies
	patience = 5 * time.Second
)

// Server takes orders at a socket.
type Server struct {
	standing *Standing
	http     http.Server
}

// Serve takes orders at a Unix socket, whose file it makes, in place of one that an earlier process left. Nobody but the
// owner of the file reaches it.
func Serve(socket string, s *Standing) (*Server, error) {
	if info, err := os.Lstat(socket); err == nil && info.Mode()&os.ModeSocket == 0 {
		return nil, fmt.Errorf("orders: make the socket: %s is no socket, and is not removed", socket)
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("orders: make the socket: %w", err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("orders: %w (the whole path of a socket has at most 107 bytes)", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("orders: make the socket: %w", err), l.Close())
	}
	v := &Server{standing: s}
	s.first = func(name string) { note(socket, FirstFelt{s.life, name}) }
	mux := http.NewServeMux()
	mux.HandleFunc("PUT "+path, v.put)
	v.http = http.Server{Handler: mux, ReadTimeout: patience, WriteTimeout: patience}
	go v.http.Serve(l) // until it is closed
	return v, nil
}

// Close takes no more orders, and heals what stands.
func (v *Server) Close() error {
	err := v.http.Close()
	v.standing.Close()
	return err
}

// untilHeader says until when orders hold, ns since 1970: a process that stood still finds old ones when it goes on.
const untilHeader = "Orders-Until"

func (v *Server) put(w http.ResponseWriter, r *http.Request) {
	if until, err := strconv.ParseInt(r.Header.Get(untilHeader), 10, 64); err == nil && time.Now().UnixNano() > until {
		http.Error(w, "who gave the orders waits for no answer any more, and may have given others", http.StatusRequestTimeout)
		return
	}
	var all []Order
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, most))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		http.Error(w, "the orders cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v.standing.Set(all)) // who does not hear it says it again
}

// FirstFelt says that a fault was felt in a life of a process, which may have ended of it before anybody had asked.
type FirstFelt struct {
	Life string `json:"life"`
	Name string `json:"name"`
}

// firstFile holds what was felt, a FirstFelt a line. It lies beside the socket.
func firstFile(socket string) string { return socket + ".felt" }

// note writes down what was felt. A disk that cannot take it leaves the count in the reply, if one comes.
func note(socket string, f FirstFelt) {
	line, err := json.Marshal(f)
	if err != nil {
		return
	}
	file, err := os.OpenFile(firstFile(socket), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = file.Write(append(line, '\n'))
	_ = file.Close()
}

// FirstFelt returns what was felt in all lives of the process behind a socket.
func (c *Client) FirstFelt() (all []FirstFelt) {
	text, err := os.ReadFile(firstFile(c.socket))
	if err != nil {
		return nil // nothing was felt
	}
	for line := range bytes.Lines(text) {
		var f FirstFelt
		if json.Unmarshal(line, &f) == nil { // the last line may be cut
			all = append(all, f)
		}
	}
	return all
}

// Client gives orders to one process after another that listens at a socket.
type Client struct {
	socket string
	http   http.Client
}

// To returns a client of a socket.
func To(socket string) *Client {
	var d net.Dialer
	return &Client{socket, http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, // a process that was started again has another socket of the same name
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", socket) },
	}}}
}

// Set has these faults stand, and no others.
func (c *Client) Set(ctx context.Context, all []Order) (Reply, error) {
	body, err := json.Marshal(append([]Order{}, all...))
	if err != nil {
		return Reply{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://orders"+path, bytes.NewReader(body))
	if err != nil {
		return Reply{}, err
	}
	if until, has := ctx.Deadline(); has {
		r.Header.Set(untilHeader, strconv.FormatInt(until.UnixNano(), 10))
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return Reply{}, fmt.Errorf("orders: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return Reply{}, fmt.Errorf("orders: read the reply: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return Reply{}, fmt.Errorf("orders: %s: %s", answer.Status, bytes.TrimSpace(text))
	}
	var reply Reply
	if err := json.Unmarshal(text, &reply); err != nil {
		return Reply{}, fmt.Errorf("orders: read the reply: %w", err)
	}
	return reply, nil
}
