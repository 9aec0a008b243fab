package pinboard

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"picloud/node/abuse"
	"picloud/node/api"
	"picloud/node/lambda"
	"picloud/node/proof"
)

// When a processor turns out to compute wrongly, what is kept of passwords may be wrong that it has computed, and a right one cannot be
// made of it. Their users are asked by mail to set new ones, but for those of whom somebody else has found the hash to be right.

// A run of a recheck looks at recheckedAtOnce passwords and asks resetAtOnce users at most. The next job goes on.
const (
	recheckedAtOnce = 50
	resetAtOnce     = 10
	ledgerEvery     = 5 * time.Second // between two looks at who is condemned
)

// watchProcessors has what a node has computed looked at once it is condemned, until the context ends.
func (p *Pinboard) watchProcessors(ctx context.Context) {
	asked := map[string]bool{}
	every := time.NewTicker(ledgerEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		findings, err := proof.Findings(ctx, p.kit.Store)
		for i := 0; i < len(findings) && err == nil; i++ {
			f := &findings[i]
			if sentence := f.Node + "/" + strconv.FormatInt(f.First, 10); f.State == proof.Condemned && !asked[sentence] {
				err = p.recheckAll(ctx, f.Node, sentence)
				asked[sentence] = err == nil
			}
		}
		if err != nil && ctx.Err() == nil {
			p.kit.Log.WarnContext(ctx, "what condemned processors have computed is not looked at yet", "error", err)
		}
	}
}

// recheckAll has each partition looked at for what a node has computed: once, whoever asks for it.
func (p *Pinboard) recheckAll(ctx context.Context, node, sentence string) error {
	for _, partition := range p.options.partitions.All() {
		ops, err := p.options.job(kindRecheck, letter{Other: node}).Put(partition)
		if err != nil {
			return err
		}
		asked := partition + "/recheck/" + sentence
		_, err = p.run(ctx, &api.Txn{If: []api.Compare{api.Absent(asked)}, Then: append(ops, put(asked, relation{Since: now()}, 0))})
		if err != nil {
			return err
		}
	}
	return nil
}

// doRecheck asks those users of one partition to set their passwords anew of whose passwords a node alone knows the hash.
func (p *Pinboard) doRecheck(ctx context.Context, r *lambda.Run, l letter) (*lambda.Effect, error) {
	rows := passwordsOf(r.Partition)
	found, err := p.read(ctx, after(rows, l.After, recheckedAtOnce))
	if err != nil {
		return nil, err
	}
	e, more := &lambda.Effect{}, found[0].More
	records := found[0].Records
	for i := range records {
		name := strings.TrimPrefix(records[i].Key, rows)
		l.After = name
		kept, err := decode[password](&records[i])
		if err != nil {
			return nil, err
		}
		if !kept.doubtful(l.Other) {
			continue
		}
		if err := p.ask(ctx, e, p.home(name), &records[i]); err != nil {
			return nil, err
		}
		if len(e.Jobs) == resetAtOnce {
			more = more || i+1 < len(records)
			break
		}
	}
	if len(e.Jobs) > 0 {
		p.kit.Log.InfoContext(ctx, "users are asked to set their passwords anew, as a processor was wrong", "node", l.Other, "partition", r.Partition, "users", len(e.Jobs))
	}
	if more {
		e.Jobs = append(e.Jobs, *p.options.job(kindRecheck, l))
	}
	return e, nil
}

// ask adds to an effect what asks a user to set a new password, unless that was done or the account is gone.
func (p *Pinboard) ask(ctx context.Context, e *lambda.Effect, h home, kept *api.Record) error {
	found, err := p.read(ctx, get(h.user()), get(h.reset()))
	if err != nil {
		return err
	}
	u, err := decode[user](first(&found[0]))
	if err != nil || !u.active() || first(&found[1]) != nil {
		return err
	}
	token, secret, err := p.newToken(h.name)
	if err != nil {
		return err
	}
	e.If = append(e.If, h.active(), api.Unchanged(kept.Key, kept), api.Absent(h.reset()))
	e.Then = append(e.Then, put(h.reset(), &reset{At: now(), Secret: secret}, 0))
	e.Jobs = append(e.Jobs, *p.options.job(kindReset, letter{Name: h.name, Token: token}))
	return nil
}

// doReset sends the mail that asks. The sink may get it more than once.
func (p *Pinboard) doReset(ctx context.Context, r *lambda.Run, l letter) (*lambda.Effect, error) {
	h := p.home(l.Name)
	found, err := p.read(ctx, get(h.user()), get(h.reset()))
	if err != nil {
		return nil, err
	}
	u, err := decode[user](first(&found[0]))
	if err != nil || !u.active() || first(&found[1]) == nil {
		return nil, err // it has been set, or has turned out to be right
	}
	link := p.options.site + "/#/reset/" + url.PathEscape(l.Token)
	err = p.send(ctx, &message{ID: r.ID, Kind: kindReset, User: l.Name, To: u.Mail, Subject: "Set your Pinboard password anew",
		Text: fmt.Sprintf("Hello %s,\n\na computer of ours was faulty when it kept your password, and may not know it again. "+
			"You may have been told that it is wrong.\nNobody else has learnt it. Please set it anew here; it may be the same:\n\n%s\n", l.Name, link)})
	p.metrics.mails.WithLabelValues(outcome(err)).Inc()
	p.metrics.resets.WithLabelValues(resetAsked, outcome(err)).Inc()
	return nil, err
}

// errReset answers a login that fails while its user is asked to set the password anew. It says no more than who registers under
// the name would learn: that there is such a user.
func errReset(name string) error {
	return api.Errorf(api.Forbidden, "log in", name, "a computer of ours may have kept your password wrongly: please set it anew by the link that we have mailed to you")
}

// setPassword sets a password by the token of a mail, ends all sessions and begins one. Who repeats it gets another session.
func (p *Pinboard) setPassword(ctx context.Context, c *call) error {
	var w struct {
		Token    string `json:"token"`
		Password string `json:"password"`
	}
	err := c.body(&w)
	name, secret, ok := p.parseToken(w.Token)
	if err == nil && !ok {
		err = api.Errorf(api.BadRequest, "set the password", "", "that is no token of a mail")
	}
	if err == nil {
		err = checkPassword(name, w.Password)
	}
	if err == nil {
		err = p.knock(ctx, c, abuse.Login, name)
	}
	var a *account
	if err == nil {
		a, err = p.newPassword(ctx, c, p.home(name), secret, w.Password)
	}
	p.metrics.resets.WithLabelValues(resetDone, outcome(err)).Inc()
	if err != nil {
		return err
	}
	return p.begin(c, http.StatusOK, a)
}

func (p *Pinboard) newPassword(ctx context.Context, c *call, h home, secret, text string) (*account, error) {
	found, err := p.read(ctx, get(h.user()), get(h.reset()))
	if err != nil {
		return nil, err
	}
	u, err := decode[user](first(&found[0]))
	if err != nil {
		return nil, err
	}
	asked := first(&found[1])
	r, err := decode[reset](asked)
	switch {
	case err != nil:
		return nil, err
	case !u.active() || r != nil && r.Secret != secret:
		p.guessed(c, h.name)
		return nil, errUsed(h.name)
	case r == nil:
		return p.setBefore(ctx, c, h, text)
	}
	kept, err := p.passwords.keep(ctx, text)
	if err != nil {
		return nil, err
	}
	token, start, err := p.newSession(h, now())
	if err != nil {
		return nil, err
	}
	// What is kept of the password is made anew, and not changed: so a login that is under way finds it to be another one.
	reply, err := p.run(ctx, &api.Txn{If: []api.Compare{h.active(), api.Unchanged(h.reset(), asked)},
		Then: []api.Op{remove(h.password()), put(h.password(), kept, 0), remove(h.reset()), removeAll(h.sessions()), start}})
	switch {
	case err != nil:
		return nil, err
	case !reply.Succeeded:
		return p.setBefore(ctx, c, h, text)
	}
	return &account{Name: h.name, Mail: u.Mail, Created: u.Created, Token: token}, nil
}

// setBefore answers a request for which there is no token any more: it may have been set by this very request, sent before.
func (p *Pinboard) setBefore(ctx context.Context, c *call, h home, text string) (*account, error) {
	a, err := p.enter(ctx, c, &credentials{Name: h.name, Password: text})
	if api.KindOf(err) == api.Unauthorised {
		err = errUsed(h.name)
	}
	return a, err
}

func errUsed(name string) error {
	return api.Errorf(api.Unauthorised, "set the password", name, "the link was used, or is none of ours")
}

// confirm notes that this node has found a password to fit that another one, of another batch, has hashed: then it is right, and
// whoever is asked to set it anew need not. If it is not noted now the next login does.
func (p *Pinboard) confirm(ctx context.Context, h home, record *api.Record, kept *password) {
	confirmed := kept.confirmedBy(p.kit.Proof)
	if confirmed == nil {
		return
	}
	_, err := p.run(ctx, &api.Txn{If: []api.Compare{h.active(), api.Unchanged(h.password(), record)},
		Then: []api.Op{put(h.password(), confirmed, 0), remove(h.reset())}})
	if err != nil {
		p.kit.Log.WarnContext(ctx, "it is not noted that a password was hashed rightly", "error", err)
	}
}
