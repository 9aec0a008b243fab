// Package blob keeps data of up to 1 MiB beside an application's documents, such as pictures. It stands in for the blob
// tier, which takes its interface over. README.md is for users.
//
// Invariants:
//   - A blob is there once the transaction is done that carries its draft, whole, and not before.
//   - A blob never changes: what is read of it once may be kept. What is returned fits its checksum.
//   - What was written of a blob whose transaction never came is swept, and then that transaction fails.
package blob

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/cache"
	"picloud/node/proof"
	"picloud/node/wait"
)

// The limits of blobs.
const (
	MaxBytes = 1 << 20
	maxType  = 128 // bytes of a content type
	maxID    = 64
	partSize = 256 << 10 // bytes of each part but the last
	maxParts = 64
)

// Handle says where a blob is. Its text, PARTITION/ID, is what documents hold.
type Handle struct {
	Partition string
	ID        string
}

// The rows of a blob lie behind all documents of its partition: PARTITION/\xffblob/ID/about says what it is, and
// PARTITION/\xffblob/ID/0 and so on hold the data.
const (
	behindDocuments = "/\xffblob/"
	about           = "about"
)

func (h Handle) rows() string { return h.Partition + behindDocuments + h.ID + "/" }

func (h Handle) about() string { return h.rows() + about }

func (h Handle) part(i int) string { return h.rows() + strconv.Itoa(i) }

func (h Handle) String() string { return h.Partition + "/" + h.ID }

// MarshalText writes a handle as it stands in documents.
func (h Handle) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads a handle.
func (h *Handle) UnmarshalText(text []byte) (err error) {
	*h, err = ParseHandle(string(text))
	return err
}

// ParseHandle reads a handle.
func ParseHandle(text string) (Handle, error) {
	partition, id, _ := strings.Cut(text, "/")
	h := Handle{partition, id}
	ok := api.ValidKey(partition) == nil && len(id) > 0 && len(id) <= maxID
	for _, c := range []byte(id) {
		ok = ok && (c >= 'A' && c <= 'Z' || c >= '0' && c <= '9')
	}
	if !ok {
		return Handle{}, api.Errorf(api.BadRequest, "read a blob's handle", fmt.Sprintf("%.80q", text), "it is PARTITION/ID")
	}
	return h, nil
}

// Delete returns the operation that deletes the blob, for the transaction of whoever deletes what refers to it.
func (h Handle) Delete() api.Op {
	return api.Op{Kind: api.DeleteRange, Key: h.rows(), End: api.PrefixEnd(h.rows())}
}

// manifest says what a blob is.
type manifest struct {
	Size   int    `json:"size"` // bytes
	Parts  int    `json:"parts"`
	Type   string `json:"type"`
	SHA256 string `json:"sha256"`
}

// Store is where an application keeps its blobs.
type Store struct {
	store   api.Store
	read    cache.Reader
	queue   string
	proof   *proof.Checker // of the processor; nil where it is believed
	part    int            // bytes of each part but the last
	metrics *metrics
}

// New returns a store. Reads go by the reader, which may be a little old. The queue is the application's: a job in it sweeps what is
// left of blobs that never came to be. A checksum lasts as long as its blob, so both implementations of package proof compute it.
func New(store api.Store, read cache.Reader, queueName string, checker *proof.Checker, registerer prometheus.Registerer) (*Store, error) {
	job := sweepJob(queueName, "X")
	if err := job.Validate(); err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	m, err := newMetrics(registerer)
	if err != nil {
		return nil, fmt.Errorf("blob: register metrics: %w", err)
	}
	return &Store{store, read, queueName, checker, partSize, m}, nil
}

// Draft is a blob to be: its data was written as far as it does not fit the caller's transaction, and nobody sees it. It becomes a
// blob with the transaction that has all of If and Then. When that fails with the draft's conditions, as it came too
// late (SweepAfter), the data is to be put again. The draft refers to the data that was put.
type Draft struct {
	Handle Handle
	If     []api.Compare
	Then   []api.Op // with up to 256 KiB of data
}

// Put writes data of up to MaxBytes to a partition. It fails with TooLarge, BadRequest, and what the store says.
func (s *Store) Put(ctx context.Context, partition string, data []byte, contentType string) (*Draft, error) {
	const doing = "put a blob"
	h, err := ParseHandle(Handle{partition, rand.Text()}.String())
	switch {
	case err != nil:
		return nil, api.Errorf(api.BadRequest, doing, "", "%.80q is no partition", partition)
	case len(data) > MaxBytes:
		return nil, api.Errorf(api.TooLarge, doing, "", "it has %d bytes, the limit is %d", len(data), MaxBytes)
	case contentType == "" || len(contentType) > maxType || strings.ContainsFunc(contentType, func(r rune) bool { return r < ' ' || r > '~' }):
		return nil, api.Errorf(api.BadRequest, doing, "", "a content type is 1 to %d printable ASCII characters, not %.80q", maxType, contentType)
	}
	sum, parts := s.proof.Both(data), max(1, (len(data)+s.part-1)/s.part)
	what, err := json.Marshal(manifest{len(data), parts, contentType, hex.EncodeToString(sum[:])})
	if err != nil {
		return nil, err
	}
	d := &Draft{Handle: h}
	last := parts - 1
	for i := range last {
		if err := s.writePart(ctx, h, i, data[i*s.part:(i+1)*s.part]); err != nil {
			return nil, err
		}
	}
	if last > 0 {
		d.If = []api.Compare{h.begun()}
	}
	d.Then = []api.Op{{Kind: api.Put, Key: h.part(last), Value: data[last*s.part:]}, {Kind: api.Put, Key: h.about(), Value: what}}
	s.metrics.puts.Inc()
	s.metrics.putBytes.Add(float64(len(data)))
	return d, nil
}

// begun holds while the first part is there, which a sweep takes away with all others.
func (h Handle) begun() api.Compare {
	return api.Compare{Key: h.part(0), What: api.Version, Is: ">"}
}

// writePart writes a part that is not the last one. The first brings the job that sweeps it. Written again it is the same.
func (s *Store) writePart(ctx context.Context, h Handle, i int, data []byte) error {
	t := &api.Txn{Then: []api.Op{{Kind: api.Put, Key: h.part(i), Value: data}}}
	if i > 0 {
		t.If = []api.Compare{h.begun()}
	} else {
		job := sweepJob(s.queue, h.ID)
		ops, err := job.Put(h.Partition)
		if err != nil {
			return err
		}
		t.Then = append(t.Then, ops...)
	}
	for tries := 0; ; tries++ {
		reply, err := s.store.Txn(ctx, t)
		switch {
		case err == nil && reply.Succeeded:
			return nil
		case err == nil:
			return api.Errorf(api.ConditionFailed, "put a blob", h.String(), "it took over %s, and was swept", SweepAfter)
		case api.KindOf(err) != api.Unknown || !wait.For(ctx, mathrand.N(20*time.Millisecond<<min(tries, 5))):
			return err
		}
	}
}

// Blob is a blob's data and what it is.
type Blob struct {
	Data   []byte
	Type   string // its content type
	SHA256 string // of the data, in hexadecimal
}

// Get reads a blob. It fails with NotFound, Damaged if what is there does not fit its checksum, and what the store says. What the
// reader does not have whole is read from the store itself.
func (s *Store) Get(ctx context.Context, h Handle) (*Blob, error) {
	b, err := s.assemble(h, func(key string) ([]byte, error) {
		a, err := s.read.Read(ctx, api.Op{Kind: api.Get, Key: key})
		if err != nil {
			return nil, err
		}
		if len(a[0].Records) == 0 {
			return nil, missing(h)
		}
		return a[0].Records[0].Value, nil
	})
	if err == nil {
		s.metrics.got(gotRead)
		return b, nil
	}
	b, err = s.fetch(ctx, h)
	switch api.KindOf(err) {
	case "":
		s.metrics.got(gotFromStore)
	case api.NotFound:
		s.metrics.got(gotNothing)
	case api.Damaged:
		s.metrics.got(gotDamaged)
	default:
		s.metrics.got(gotFailed)
	}
	return b, err
}

// fetch reads a blob from the store, all of it as of one instant.
func (s *Store) fetch(ctx context.Context, h Handle) (*Blob, error) {
	reply, err := s.store.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Scan, Key: h.rows(), End: api.PrefixEnd(h.rows())}}})
	if err != nil {
		return nil, err
	}
	rows := map[string][]byte{}
	for _, r := range reply.Results[0].Records {
		rows[r.Key] = r.Value
	}
	if rows[h.about()] == nil {
		return nil, missing(h)
	}
	return s.assemble(h, func(key string) ([]byte, error) { return rows[key], nil })
}

func missing(h Handle) error {
	return api.Errorf(api.NotFound, "read the blob", h.String(), "there is none")
}

// assemble makes a blob of its rows, and compares it with its checksum.
func (s *Store) assemble(h Handle, row func(key string) ([]byte, error)) (*Blob, error) {
	const doing = "read the blob"
	what, err := row(h.about())
	if err != nil {
		return nil, err
	}
	m := manifest{}
	d := json.NewDecoder(bytes.NewReader(what))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil || min(m.Size, m.Parts) < 0 || m.Size > MaxBytes || m.Parts > maxParts {
		return nil, api.Errorf(api.Damaged, doing, h.String(), "what it is cannot be read: %.80q", what)
	}
	data := make([]byte, 0, m.Size)
	for i := range m.Parts {
		part, err := row(h.part(i))
		if err != nil {
			return nil, err
		}
		data = append(data, part...)
	}
	if len(data) != m.Size || !s.fits(data, m.SHA256) {
		return nil, api.Errorf(api.Damaged, doing, h.String(), "its %d bytes do not fit their checksum", len(data))
	}
	return &Blob{data, m.Type, m.SHA256}, nil
}

// fits tells whether data has a checksum. A processor that computes wrongly must not make a good blob look damaged.
func (s *Store) fits(data []byte, sum string) bool {
	if got := s.proof.Sum256(data); hex.EncodeToString(got[:]) == sum {
		return true
	}
	got := s.proof.Both(data)
	return hex.EncodeToString(got[:]) == sum
}
