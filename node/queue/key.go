package queue

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"picloud/node/api"
)

// The keys of a queue lie in the partitions of its application, behind the documents:
//
//	PARTITION/\xffqueue/QUEUE/job/PRIORITY/TENANT/ID          a job
//	PARTITION/\xffqueue/QUEUE/job/PRIORITY/TENANT/ID/asleep   a marker: it is not to be run yet
//	PARTITION/\xffqueue/QUEUE/job/PRIORITY/TENANT/ID/held     a marker: somebody runs it
//	PARTITION/\xffqueue/QUEUE/dead/PRIORITY/TENANT/ID/TOKEN   a job that failed for good, and what its last change was
//	PARTITION/\xffqueue/QUEUE/schedule/NAME                   a schedule
//	PARTITION/\xffqueue/QUEUE/paused                          is there while no job is handed out
//
// So jobs lie in the order of priority, tenant and about the time of their coming, each before its markers.
const (
	behindDocuments = "/\xffqueue/"
	rowJob          = "job/"
	rowDead         = "dead/"
	rowSchedule     = "schedule/"
	rowPaused       = "paused"
	markAsleep      = "/asleep"
	markHeld        = "/held"
)

// queueRows returns the prefix of all keys of a queue in a partition.
func queueRows(partition, queue string) string { return partition + behindDocuments + queue + "/" }

// place is where a job lies.
type place struct {
	partition, queue string
	id               string // PRIORITY/TENANT/ID
}

func (p place) rows() string { return queueRows(p.partition, p.queue) }

func (p place) job() string { return p.rows() + rowJob + p.id }

func (p place) asleep() string { return p.job() + markAsleep }

func (p place) held() string { return p.job() + markHeld }

// dead returns the key under which the job lies once its last change was the one given, and it failed for good.
func (p place) dead(token uint64) string { return p.rows() + rowDead + deadID(p.id, token) }

func deadID(id string, token uint64) string { return fmt.Sprintf("%s/%016x", id, token) }

// newID returns the ID of a new job. The time in it is the one of whoever enqueues it, so it puts jobs in order only as
// far as clocks agree.
func (j *Job) newID() string {
	if j.Unique != "" {
		sum := sha256.Sum256([]byte(j.Unique))
		return j.lane() + uniqueID + hex.EncodeToString(sum[:16])
	}
	return j.lane() + fmt.Sprintf("%c%012x-%016x", plainID, max(0, time.Now().UnixMilli()), rand.Uint64())
}

// What IDs begin with.
const (
	plainID  = 't'
	uniqueID = "u"
)

// lane returns the beginning of the IDs of a priority and a tenant.
func (j *Job) lane() string { return laneOf(j.Priority, j.Tenant) }

func laneOf(priority int, tenant string) string { return strconv.Itoa(priority) + "/" + tenant + "/" }

// splitID returns what an ID is made of, and whether it is one.
func splitID(id string) (priority int, tenant, last string, ok bool) {
	first, rest, _ := strings.Cut(id, "/")
	tenant, last, ok = strings.Cut(rest, "/")
	if len(first) != 1 || first[0] < '0' || first[0] > '0'+MaxPriority {
		return 0, "", "", false
	}
	ok = ok && (tenant == "" || validName(tenant)) && validName(last) && (last[0] == plainID || last[:1] == uniqueID)
	return int(first[0] - '0'), tenant, last, ok
}

// isUnique tells whether an ID is made of a unique name, so that jobs may share it.
func isUnique(id string) bool {
	_, _, last, ok := splitID(id)
	return ok && last[:1] == uniqueID
}

// validPartition says why a text cannot be a partition.
func validPartition(partition string) error {
	if strings.Contains(partition, "/") || len(partition) > maxPartition {
		return fmt.Errorf("a partition has 1 to %d bytes and no slash, and is not %.80q", maxPartition, partition)
	}
	return api.ValidKey(partition)
}

// maxPartition leaves room for what stands behind it in a key.
const maxPartition = 256

// row is what a key of a queue is.
type row struct {
	queue string
	kind  rowKind
	id    string // of the job; of a schedule its name, of a dead job with its token
}

type rowKind int

const (
	otherRow rowKind = iota
	jobRow
	asleepRow
	heldRow
	deadRow
	scheduleRow
	pausedRow
)

// parseRow reads a key of a partition's queues. Keys that nobody writes are other rows.
func parseRow(partition, key string) row {
	rest, ok := strings.CutPrefix(key, partition+behindDocuments)
	queue, rest, more := strings.Cut(rest, "/")
	if !ok || !more {
		return row{}
	}
	r := row{queue: queue}
	switch {
	case rest == rowPaused:
		r.kind = pausedRow
	case strings.HasPrefix(rest, rowSchedule):
		r.kind, r.id = scheduleRow, rest[len(rowSchedule):]
	case strings.HasPrefix(rest, rowDead):
		r.kind, r.id = deadRow, rest[len(rowDead):]
	case strings.HasPrefix(rest, rowJob):
		r.kind, r.id = jobRow, rest[len(rowJob):]
		if id, is := strings.CutSuffix(r.id, markAsleep); is {
			r.kind, r.id = asleepRow, id
		} else if id, is := strings.CutSuffix(r.id, markHeld); is {
			r.kind, r.id = heldRow, id
		}
		if _, _, _, ok := splitID(r.id); !ok {
			r.kind = otherRow
		}
	}
	return r
}

// splitDead returns the ID of a job and the token of its last change, of a dead one's ID.
func splitDead(dead string) (id string, token uint64, ok bool) {
	i := strings.LastIndexByte(dead, '/')
	if i < 0 {
		return "", 0, false
	}
	token, err := strconv.ParseUint(dead[i+1:], 16, 64)
	_, _, _, ok = splitID(dead[:i])
	return dead[:i], token, ok && err == nil && deadID(dead[:i], token) == dead
}
