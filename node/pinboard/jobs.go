package pinboard

import (
	"context"
	"encoding/json"

	"picloud/node/api"
	"picloud/node/lambda"
	"picloud/node/queue"
)

// The kinds of jobs.
const (
	kindFollow    = "follow"    // makes the other side of a relation what this side says, and fills or clears the timeline
	kindTimeline  = "timeline"  // puts a post into the followers' timelines
	kindRetract   = "retract"   // takes one out again
	kindDelete    = "delete"    // removes what an account has left
	kindThumbnail = "thumbnail" // makes a small picture of a post's
	kindMail      = "mail"      // greets who has registered
	kindReview    = "review"    // judges once more what is held
	kindReport    = "report"    // brings a report to the post's author
	kindUnreport  = "unreport"  // removes the reports of a post that was deleted
	kindSweep     = "sweep"     // blocks what has come onto a list, of one partition
	kindRecheck   = "recheck"   // looks at what a condemned node has hashed, in one partition
	kindReset     = "reset"     // asks a user to set a new password
)

// priorityOf says which jobs come first: those that somebody waits for.
func priorityOf(kind string) int {
	switch kind {
	case kindFollow:
		return 2
	case kindTimeline, kindRetract, kindReview, kindRecheck, kindReset:
		return 3
	case kindDelete, kindReport, kindUnreport:
		return 4
	case kindThumbnail, kindSweep:
		return 5
	}
	return 6
}

// letter is what a job is told.
type letter struct {
	Name  string `json:"name,omitempty"`  // whose job it is; nobody's is a sweep or a recheck
	Other string `json:"other,omitempty"` // who is followed, or not any more; whose post is reported; the node of a recheck
	Place string `json:"place,omitempty"` // of the post
	Token string `json:"token,omitempty"` // by which the password can be set anew
	After string `json:"after,omitempty"` // the last follower who was served; the last post that was swept, or user who was looked at
}

// job returns a job. Of those about one relation it is enough that the last is done, and of sweeps that have come equally far.
func (o *options) job(kind string, l letter) *queue.Job {
	j := &queue.Job{Queue: o.queue, Kind: kind, Payload: encode(l), Priority: priorityOf(kind)}
	switch kind {
	case kindFollow:
		j.Unique = l.Name + "/" + l.Other
	case kindRecheck:
		j.Unique = l.Other + " after " + l.After
	case kindReset: // nobody asks a second time
		j.Attempts = queue.MaxAttempts
	case kindReview:
		j.Delay, j.Attempts = reviewAfter.Milliseconds(), reviewAttempts
	case kindSweep:
		if j.Unique = "after " + l.After; l.After == "" {
			j.Delay = sweepAfter.Milliseconds()
		}
	}
	return j
}

// enqueue returns the operations that enqueue a job in a user's partition.
func (p *Pinboard) enqueue(h home, kind string, l letter) ([]api.Op, error) {
	l.Name = h.name
	return p.options.job(kind, l).Put(h.partition)
}

// open returns what a job is told.
func open(r *lambda.Run) (letter, error) {
	var l letter
	if err := json.Unmarshal(r.Job.Payload, &l); err != nil || r.Job.Kind != kindSweep && r.Job.Kind != kindRecheck && !validName(l.Name) {
		return l, api.Errorf(api.BadRequest, "read the job", r.ID, "its payload makes no sense: %.80q", r.Job.Payload)
	}
	return l, nil
}

// Functions do the jobs. What one does in other partitions than its own it may do twice, with the same result.
func (p *Pinboard) Functions() []lambda.Function {
	do := func(kind string, f func(context.Context, *lambda.Run, letter) (*lambda.Effect, error)) lambda.Function {
		return lambda.Function{Queue: p.options.queue, Kind: kind, Do: func(ctx context.Context, r *lambda.Run) (*lambda.Effect, error) {
			l, err := open(r)
			if err != nil {
				return nil, err
			}
			return f(ctx, r, l)
		}}
	}
	return []lambda.Function{do(kindFollow, p.doFollow), do(kindTimeline, p.doTimeline), do(kindRetract, p.doRetract), do(kindDelete, p.doDelete),
		do(kindThumbnail, p.doThumbnail), do(kindMail, p.doMail), do(kindReview, p.doReview), do(kindReport, p.doReport), do(kindUnreport, p.doUnreport),
		do(kindSweep, p.doSweep), do(kindRecheck, p.doRecheck), do(kindReset, p.doReset), p.blobs.Sweep()}
}
