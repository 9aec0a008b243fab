package queue

import (
	"math/rand/v2"
	"strings"

	"picloud/node/api"
	"picloud/node/codec"
)

// record is what lies under a job's key.
type record struct {
	Kind      string
	Payload   []byte
	Unique    string
	Serial    uint64 // of a job with a unique name: another one for each that is enqueued
	Attempts  int    // that it may have; 0 for what its queue says
	Attempt   int    // that it has had
	LastError string // of the last attempt, if that said something
	Died      int64  // of a dead one: the time by the clock of whoever saw it, ms since 1970
}

// recordVersion stands before each record.
const recordVersion = 1

// maxError bounds the bytes of an error that are kept.
const maxError = 1 << 10

func (r *record) encode() []byte {
	w := make(codec.Writer, 0, len(r.Payload)+len(r.Unique)+len(r.LastError)+len(r.Kind)+30)
	w.Number(recordVersion)
	w.Text(r.Kind)
	w.Bytes(r.Payload)
	w.Text(r.Unique)
	w.Number(r.Serial)
	w.Number(uint64(r.Attempts))
	w.Number(uint64(r.Attempt))
	w.Text(r.LastError)
	w.Number(uint64(r.Died))
	return w
}

// decodeRecord reads a record, which belongs to data.
func decodeRecord(data []byte) (*record, error) {
	r := codec.NewReader(data)
	if r.Number() != recordVersion {
		r.Fail()
	}
	found := &record{Kind: r.Text(), Payload: r.Bytes(), Unique: r.Text(), Serial: r.Number()}
	found.Attempts, found.Attempt = small(r), small(r)
	found.LastError, found.Died = r.Text(), int64(r.Number())
	return found, r.Done()
}

// small reads a number that counts attempts.
func small(r *codec.Reader) int {
	n := r.Number()
	if n > 1<<30 {
		r.Fail()
		return 0
	}
	return int(n)
}

// job returns the job as it was enqueued, as far as that is known.
func (r *record) job(p place) Job {
	priority, tenant, _, _ := splitID(p.id)
	return Job{Queue: p.queue, Kind: r.Kind, Payload: r.Payload, Tenant: tenant, Priority: priority, Unique: r.Unique, Attempts: r.Attempts}
}

// failed notes why an attempt failed.
func (r *record) failed(why string) {
	why = strings.ToValidUTF8(why, "\uFFFD")
	if len(why) > maxError {
		why = strings.ToValidUTF8(why[:maxError], "")
	}
	r.LastError = why
}

// Put returns the operations that enqueue the job in a partition, for a transaction of whoever enqueues it. The job has its
// ID from here on: operations that are sent again enqueue nothing more, and those of another call are another job.
func (j *Job) Put(partition string) ([]api.Op, error) {
	const doing = "enqueue a job"
	if err := j.Validate(); err != nil {
		return nil, api.Errorf(api.BadRequest, doing, "", "%s", err)
	}
	if err := validPartition(partition); err != nil {
		return nil, api.Errorf(api.BadRequest, doing, "", "%s", err)
	}
	_, _, ops := j.put(partition)
	return ops, nil
}

// put is Put for a job and a partition that are valid.
func (j *Job) put(partition string) (place, *record, []api.Op) {
	p := place{partition, j.Queue, j.newID()}
	r := &record{Kind: j.Kind, Payload: j.Payload, Unique: j.Unique, Attempts: j.Attempts}
	if j.Unique != "" {
		r.Serial = rand.Uint64()
	}
	ops := []api.Op{{Kind: api.Put, Key: p.job(), Value: r.encode(), TTL: j.Expires}}
	if j.Delay > 0 {
		ops = append(ops, api.Op{Kind: api.Put, Key: p.asleep(), TTL: j.Delay})
	}
	return p, r, ops
}
