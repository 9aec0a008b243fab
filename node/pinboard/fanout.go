package pinboard

import (
	"context"
	"maps"
	"slices"

	"picloud/node/api"
	"picloud/node/lambda"
	"picloud/node/queue"
)

// followersAtOnce is how many followers one run of a job serves. The next ones are the next job's.
const followersAtOnce = 40

// doTimeline puts a post into the timelines of those who follow its author.
func (p *Pinboard) doTimeline(ctx context.Context, _ *lambda.Run, l letter) (*lambda.Effect, error) {
	author, e := p.home(l.Name), entry{l.Name, l.Place}
	found, err := p.read(ctx, get(author.user()), get(author.post(l.Place)), after(author.followers(), l.After, followersAtOnce))
	if err != nil {
		return nil, err
	}
	u, err := decode[user](first(&found[0]))
	if err != nil {
		return nil, err
	}
	n, err := decode[post](first(&found[1]))
	if err != nil || !u.active() || n == nil || n.Standing != shown {
		return nil, err // it is not there any more, or not for others
	}
	var strangers []string
	for _, group := range p.byPartition(found[2].Records) {
		others, err := p.deliver(ctx, group, e)
		if err != nil {
			return nil, err
		}
		strangers = append(strangers, others...)
	}
	for _, name := range strangers {
		if _, err := p.settle(ctx, p.home(name), author); err != nil {
			return nil, err
		}
	}
	if err := p.trimSome(ctx, author, l, found[2].Records); err != nil {
		return nil, err
	}
	return &lambda.Effect{Jobs: p.goOn(kindTimeline, l, &found[2])}, nil
}

// doRetract takes a post out again that was deleted or blocked. Where an entry comes later still, it leads nowhere and is not
// shown.
func (p *Pinboard) doRetract(ctx context.Context, _ *lambda.Run, l letter) (*lambda.Effect, error) {
	author := p.home(l.Name)
	found, err := p.read(ctx, after(author.followers(), l.After, followersAtOnce))
	if err != nil {
		return nil, err
	}
	for _, group := range p.byPartition(found[0].Records) {
		if open, err := p.takeOut(ctx, group, author, l.Place); err != nil || open {
			return nil, err
		}
	}
	return &lambda.Effect{Jobs: p.goOn(kindRetract, l, &found[0])}, nil
}

// takeOut removes the entry of a post from timelines of one partition, unless the post is open to all again. The entries are
// read first and removed only if they are still so: whoever brings a post that was allowed writes them anew.
func (p *Pinboard) takeOut(ctx context.Context, from []home, author home, place string) (open bool, _ error) {
	for tries := 0; ; tries++ {
		var entries []api.Op
		for _, h := range from {
			entries = append(entries, get(h.entry(entry{author.name, place})))
		}
		there, err := p.read(ctx, entries...)
		if err != nil {
			return false, err
		}
		found, err := p.read(ctx, get(author.post(place)))
		if err != nil {
			return false, err
		}
		n, err := decode[post](first(&found[0]))
		if err != nil || n != nil && n.Standing == shown {
			return true, err
		}
		t := &api.Txn{}
		for i := range there {
			if e := first(&there[i]); e != nil {
				t.If, t.Then = append(t.If, api.Unchanged(e.Key, e)), append(t.Then, remove(e.Key))
			}
		}
		if len(t.Then) == 0 {
			return false, nil
		}
		reply, err := p.run(ctx, t)
		if err != nil || reply.Succeeded {
			return false, err
		}
		if tries == mostTries {
			return false, api.Errorf(api.Unavailable, "take out the post", author.name+"/"+place, "timelines change all the time")
		}
	}
}

// goOn returns the job for the followers behind those of a list, if there are more.
func (p *Pinboard) goOn(kind string, l letter, list *api.Result) []queue.Job {
	if !list.More {
		return nil
	}
	l.After = last(list.Records[len(list.Records)-1].Key)
	return []queue.Job{*p.options.job(kind, l)}
}

// byPartition returns the homes of those whom rows name, those of one partition together.
func (p *Pinboard) byPartition(rows []api.Record) [][]home {
	groups := map[string][]home{}
	for i := range rows {
		h := p.home(last(rows[i].Key))
		groups[h.partition] = append(groups[h.partition], h)
	}
	var sorted [][]home
	for _, partition := range slices.Sorted(maps.Keys(groups)) {
		sorted = append(sorted, groups[partition])
	}
	return sorted
}

// deliver writes an entry into timelines of one partition, of those who follow its author at that moment. It returns who
// does not.
func (p *Pinboard) deliver(ctx context.Context, to []home, e entry) (strangers []string, _ error) {
	for len(to) > 0 {
		t := &api.Txn{}
		for _, h := range to {
			t.If = append(t.If, api.Exists(h.follows(e.Author)))
			t.Then = append(t.Then, put(h.entry(e), e, 0))
			t.Else = append(t.Else, get(h.follows(e.Author)))
		}
		reply, err := p.run(ctx, t)
		if err != nil || reply.Succeeded {
			return strangers, err
		}
		var still []home
		for i, h := range to {
			if first(&reply.Results[i]) != nil {
				still = append(still, h)
			} else {
				strangers = append(strangers, h.name)
			}
		}
		to = still
	}
	return strangers, nil
}

// trimSome cuts the timelines that a job has written, for about one post of sixteen: a timeline has some entries more than
// it keeps, and is not read whole for each that comes.
func (p *Pinboard) trimSome(ctx context.Context, author home, l letter, followers []api.Record) error {
	if l.Place[placeLength-1] != '0' {
		return nil
	}
	homes := []home{}
	if l.After == "" {
		homes = append(homes, author)
	}
	for i := range followers {
		homes = append(homes, p.home(last(followers[i].Key)))
	}
	for _, h := range homes {
		found, err := p.read(ctx, all(h.timeline(), maxTimeline+1))
		if err != nil {
			return err
		}
		if rows := found[0].Records; len(rows) > maxTimeline {
			if _, err := p.run(ctx, &api.Txn{Then: []api.Op{{Kind: api.DeleteRange, Key: rows[maxTimeline].Key, End: api.PrefixEnd(h.timeline())}}}); err != nil {
				return err
			}
		}
	}
	return nil
}
