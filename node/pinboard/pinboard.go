// Package pinboard is the cloud's demo application: people register, post text and pictures, follow one another, read
// timelines, and delete their account. README.md is for users.
//
// Invariants:
//   - All that belongs to a user lies in the user's partition; what others have of it refers to it by name and key.
//   - What is written in one request is one transaction, which asks whether the user and the session are still there.
//   - A user's record has version 1 from registration until the account is deleted, so a transaction that asks for
//     version 1 does nothing for one who has gone.
//   - Nothing is shown of an author whose record does not say that the account is active.
//   - What a visitor sees of a post goes through show, which knows who may see it; what was not judged nobody else sees.
package pinboard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"picloud/node/api"
	"picloud/node/app"
	"picloud/node/blob"
	"picloud/node/cache"
	"picloud/node/proof"
	"picloud/node/wait"
)

// namespace is that of the application's partitions.
const namespace = "pinboard"

// Partitions returns those over which users are spread. It is not configured: what was stored would be looked for elsewhere, and a
// queue that spreads otherwise would leave jobs lying.
func Partitions() api.Partitions { return api.Partitions{Namespace: namespace, Count: 16} }

// Pinboard is an instance of the application.
type Pinboard struct {
	kit     app.Kit
	options options
	fresh   cache.Reader // the store itself
	guard   *guard       // nil where nothing is judged
	metrics *metrics

	passwords passwords
	pictures  *gate // for pictures that are being decoded
	uploads   *gate // for pictures that are being sent, and wait
	blobs     *blob.Store
	csrf      *http.CrossOriginProtection
	mail      *http.Client
	mixed     mixed
}

var _ app.New = New

// New makes an instance.
func New(kit app.Kit) (app.App, error) {
	o, err := readOptions(kit.Options)
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(kit.Metrics)
	if err != nil {
		return nil, err
	}
	blobs, err := blob.New(kit.Store, kit.Cache, o.queue, kit.Proof, kit.Metrics)
	if err != nil {
		return nil, err
	}
	g, err := newGuard(kit, o)
	if err != nil {
		return nil, err
	}
	return &Pinboard{
		kit: kit, options: o, fresh: cache.Direct(kit.Store), guard: g, metrics: m,
		passwords: passwords{derive: func(d *proof.Derivation) ([]byte, error) { return d.Derive(kit.Effort) }, proof: kit.Proof, gate: newGate("passwords", passwordsAtOnce, passwordsWaiting, m)},
		pictures:  newGate("pictures", picturesAtOnce, picturesWaiting, m),
		uploads:   newGate("uploads", uploadsAtOnce, uploadsWaiting, m),
		blobs:     blobs,
		csrf:      http.NewCrossOriginProtection(),
		mail:      newMailClient(kit.Network),
	}, nil
}

// Run looks how long cases wait, and whose processor is condemned. There is nothing else to do beside requests.
func (p *Pinboard) Run(ctx context.Context) error {
	var beside sync.WaitGroup
	defer beside.Wait()
	if p.kit.Proof != nil {
		beside.Go(func() { p.watchProcessors(ctx) })
	}
	for p.guard != nil {
		p.watchCases(ctx)
		if !wait.For(ctx, casesEvery) {
			return nil
		}
	}
	<-ctx.Done()
	return nil
}

// Healthy says nothing of the store: without it no instance serves better than another.
func (p *Pinboard) Healthy(context.Context) error { return nil }

// options are what the configuration says.
type options struct {
	partitions api.Partitions
	queue      string
	site       string // the address under which people see it, for links in mails
	mail       string // where messages are posted; nowhere if it is empty

	abuse                 bool // what is to be stored and shown is judged
	moderators, labellers map[string]bool
}

// readOptions reads the options that the configuration gives.
func readOptions(given map[string]string) (options, error) {
	o := options{partitions: Partitions(), queue: namespace}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		value := given[name]
		var err error
		switch name {
		case "queue":
			o.queue = value
			err = o.job(kindMail, letter{}).Validate()
		case "mail":
			o.mail = value
			err = checkSink(value)
		case "site":
			o.site = value
			err = checkSite(value)
		case "abuse":
			if o.abuse = value == "on"; !o.abuse && value != "off" {
				err = errors.New("it is on or off")
			}
		case "moderators":
			o.moderators, err = readNames(value)
		case "labellers":
			o.labellers, err = readNames(value)
		default:
			err = errors.New("it is one of abuse, labellers, mail, moderators, queue, site")
		}
		if err != nil {
			return o, fmt.Errorf("pinboard: the option %.80q is %.80q: %w", name, value, err)
		}
	}
	return o, nil
}

// readNames reads names of users, with commas between them.
func readNames(text string) (map[string]bool, error) {
	names := map[string]bool{}
	for _, name := range strings.Split(text, ",") {
		name = strings.TrimSpace(name)
		if !validName(name) {
			return nil, badName(name)
		}
		if names[name] {
			return nil, fmt.Errorf("%s stands there twice", name)
		}
		names[name] = true
	}
	return names, nil
}

// now is the time as it is written down: ms since 1970.
func now() int64 { return time.Now().UnixMilli() }
