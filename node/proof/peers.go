package proof

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/presence"
	"picloud/node/web"
	"picloud/node/wire"
)

// Service is the name by which those who verify find one another.
const Service = "proof"

const (
	derivePath  = "/v1/derive" // for a POST of a Derivation; answers with a derived
	askFor      = 4 * time.Second
	outFor      = 5 * time.Second // one that has not answered is asked last
	mostAsked   = 2               // for one derivation
	mostWaiting = 4               // of those that others want derived
	maxBody     = 8 << 10
)

// derived is an answer.
type derived struct {
	Key []byte `json:"key"`
	By  Maker  `json:"by"`
}

// peers are the nodes of other batches.
type peers struct {
	batch     string
	transport *http.Transport
	servers   presence.Servers

	mu      sync.Mutex
	batches map[string]string // of the servers, by address
}

func newPeers(network host.Network, batch string) *peers {
	return &peers{batch: batch, transport: &http.Transport{DialContext: wire.Network{Network: network}.DialContext, MaxIdleConnsPerHost: 4,
		IdleConnTimeout: time.Minute, DisableCompression: true}}
}

func (p *peers) close() { p.transport.CloseIdleConnections() }

// know takes who serves now, of other batches: what is of one batch may lie alike.
func (p *peers) know(list []presence.Instance) {
	var others []presence.Instance
	batches := map[string]string{}
	for _, i := range list {
		if i.Batch != p.batch {
			others = append(others, i)
			batches[i.Address] = i.Batch
		}
	}
	p.mu.Lock()
	p.batches = batches
	p.mu.Unlock()
	p.servers.Know(others)
}

// derive has one of them derive a key, within askFor: each but the last that is asked has its share of that.
func (p *peers) derive(ctx context.Context, d *Derivation) (key []byte, by Maker, _ error) {
	until := time.Now().Add(askFor)
	well, out := p.servers.Rank(string(d.Salt))
	all := append(well, out...)
	all = all[:min(len(all), mostAsked)]
	err := error(errNobody)
	for n, server := range all {
		if ctx.Err() != nil {
			break
		}
		var answer derived
		if answer, err = p.ask(ctx, server, d, time.Until(until)/time.Duration(len(all)-n)); err == nil {
			return answer.Key, answer.By, nil
		}
		p.servers.LeaveOut(server, outFor)
	}
	return nil, Maker{}, err
}

func (p *peers) ask(ctx context.Context, server string, d *Derivation, limit time.Duration) (answer derived, _ error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	const doing = "have a key derived"
	if err := web.Ask(ctx, p.transport, doing, server, derivePath, d, &answer, maxBody); err != nil {
		return answer, err
	}
	p.mu.Lock()
	batch := p.batches[server]
	p.mu.Unlock()
	if len(answer.Key) != Size || answer.By.Batch == p.batch || answer.By.Batch != batch {
		return answer, api.Errorf(api.Internal, doing, server, "it answers as of batch %.80q, and with %d bytes", answer.By.Batch, len(answer.Key))
	}
	return answer, nil
}

// serve derives keys for others until the context ends.
func (k *Checker) serve(ctx context.Context, l net.Listener) error {
	return web.Serve(ctx, wire.Detect(l), k.Handler())
}

// Handler serves other nodes.
func (k *Checker) Handler() http.Handler {
	mux := http.NewServeMux()
	waiting := make(chan struct{}, mostWaiting)
	mux.HandleFunc(derivePath, func(w http.ResponseWriter, r *http.Request) {
		d, err := readDerivation(w, r)
		if err == nil {
			err = k.Refusal("verify")
		}
		var answer derived
		if err == nil {
			select {
			case waiting <- struct{}{}:
				answer, err = k.deriveFor(r.Context(), d)
				<-waiting
			default:
				err = api.Errorf(api.Unavailable, "verify", "", "%d wait already", mostWaiting)
			}
		}
		var body []byte
		if err == nil {
			body, err = web.AsJSON(answer)
		}
		if err != nil {
			web.Refuse(w, err)
			return
		}
		web.Reply(w, http.StatusOK, body)
	})
	mux.HandleFunc(web.HealthPath, func(w http.ResponseWriter, _ *http.Request) { web.Reply(w, http.StatusOK, []byte("{}\n")) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		web.Refuse(w, web.NoPath(r, fmt.Sprintf("there is %s", derivePath)))
	})
	return mux
}

func (k *Checker) deriveFor(ctx context.Context, d *Derivation) (answer derived, _ error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	answer.By = k.self
	return answer, k.atOnce(ctx, func() (err error) {
		answer.Key, err = k.derive(d)
		return err
	})
}

func readDerivation(w http.ResponseWriter, r *http.Request) (*Derivation, error) {
	if r.Method != http.MethodPost {
		return nil, web.NotAllowed(w, r, map[string]bool{http.MethodPost: true})
	}
	if _, err := web.Query(r); err != nil {
		return nil, err
	}
	web.BodyWithin(w, askFor)
	body, err := web.Body(w, r, maxBody)
	if err != nil {
		return nil, err
	}
	d := &Derivation{}
	if err := web.FromJSON(bytes.NewReader(body), d); err != nil {
		return nil, api.Errorf(api.BadRequest, "read the derivation", "", "%s", err)
	}
	return d, d.validate()
}
