package users

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"picloud/node/host"
	"picloud/scenarios/history"
)

// Errand is one request of somebody whose requests stand in an access log, as one of Pinboard.
type Errand struct {
	At     time.Duration // since the run began
	Client int           // the nth of the log
	Kind   ErrandKind
	Who    int // whose page it is about: the nth of the users, of all machines
}

// ErrandKind says what is asked for.
type ErrandKind uint8

// The kinds.
const (
	ErrandProfile ErrandKind = iota // of a user
	ErrandPicture                   // that a user has posted
	ErrandThumb                     // its thumbnail
	ErrandPage                      // the file that all look at through
	ErrandMissing                   // the profile of somebody whom there is not
	ErrandPost                      // the client registers, and posts
	errandKinds
)

// largePicture is from how many bytes on a file is a picture, and not its thumbnail.
const largePicture = 32 << 10

// ErrandOf says what stands for a request of another site: what was refused or not there is somebody whom there is not; what writes, a post; an
// image, a picture; what belongs to all pages, such as styles, Pinboard's own file; and all else a profile. Whose it is the path decides,
// so what is popular there is popular here.
func ErrandOf(method, url string, status int, size int64, users int) (ErrandKind, int) {
	at, _, _ := strings.Cut(url, "?")
	h := fnv.New32a()
	io.WriteString(h, at)
	who := int(h.Sum32() % uint32(users))
	switch extension := strings.ToLower(path.Ext(at)); {
	case method == "" || status >= 400:
		return ErrandMissing, who
	case !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, method):
		return ErrandPost, who
	case slices.Contains([]string{".css", ".js", ".ttf", ".woff", ".woff2", ".map"}, extension):
		return ErrandPage, who
	case slices.Contains([]string{".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".svg"}, extension):
		if size >= largePicture {
			return ErrandPicture, who
		}
		return ErrandThumb, who
	}
	return ErrandProfile, who
}

// Replay is the errands of a log, in the order of their times, packed: a program's configuration is an argument, of which Linux takes 128 KiB.
type Replay []byte

// MostPacked is how many bytes of errands an argument has room for, in base64 and beside all else.
const MostPacked = 72 << 10

// PackReplay packs errands.
func PackReplay(errands []Errand) (Replay, error) {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	before := time.Duration(0)
	for i := range errands {
		e := &errands[i]
		at := e.At.Truncate(time.Microsecond)
		line := binary.AppendUvarint(nil, uint64((at-before)/time.Microsecond))
		line = append(binary.AppendUvarint(line, uint64(e.Client)), byte(e.Kind))
		w.Write(binary.AppendUvarint(line, uint64(e.Who))) // into memory
		before = at
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if packed.Len() > MostPacked {
		return nil, fmt.Errorf("the %d requests of the log are %d bytes when they are packed, and there is room for %d: cut it, as with head -n %d",
			len(errands), packed.Len(), MostPacked, int64(len(errands))*MostPacked/int64(packed.Len())/100*100)
	}
	return packed.Bytes(), nil
}

// Errands unpacks the errands.
func (r Replay) Errands() ([]Errand, error) {
	bad := errors.New("users: a replay is not errands as they are packed")
	raw, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(r)), 16<<20))
	if err != nil {
		return nil, bad
	}
	b := bytes.NewReader(raw)
	var all []Errand
	for at := time.Duration(0); b.Len() > 0; {
		wait, err := binary.ReadUvarint(b)
		client, err2 := binary.ReadUvarint(b)
		kind, err3 := b.ReadByte()
		who, err4 := binary.ReadUvarint(b)
		if err = errors.Join(err, err2, err3, err4); err != nil || wait > uint64(24*time.Hour/time.Microsecond) || client >= replayMost || kind >= byte(errandKinds) || who > 1000 {
			return nil, bad
		}
		at += time.Duration(wait) * time.Microsecond
		all = append(all, Errand{At: at, Client: int(client), Kind: ErrandKind(kind), Who: int(who)})
	}
	return all, nil
}

// replayClient is the number of the client as which the first one of a log is written down, and replayMost how many a log can have.
const (
	replayClient = 5_000_000
	replayMost   = 1_000_000
)

// replay lets those come who stand in the log. Each does one errand after another, at its time or as soon as the one before is done;
// nobody waits for anybody else.
func (c *crowd) replay(ctx context.Context, h *host.Host, all func(func())) error {
	if len(c.config.Replay) == 0 {
		return nil
	}
	errands, err := c.config.Replay.Errands()
	if err != nil {
		return err
	}
	var order []int
	of := map[int][]Errand{}
	for _, e := range errands {
		if of[e.Client] == nil {
			order = append(order, e.Client)
		}
		of[e.Client] = append(of[e.Client], e)
	}
	for _, client := range order {
		w, err := newBrowser(h, &c.config)
		if err != nil {
			return err
		}
		s := &seat{crowd: c, web: w, number: replayClient + client}
		all(func() {
			defer w.client.CloseIdleConnections()
			s.runErrands(ctx, of[client])
		})
	}
	return nil
}

func (s *seat) runErrands(ctx context.Context, errands []Errand) {
	for _, e := range errands {
		time.Sleep(e.At - s.config.sinceStart())
		if ctx.Err() != nil || s.config.sinceStart() >= s.config.Until {
			return
		}
		s.run(ctx, e)
	}
}

func (s *seat) run(ctx context.Context, e Errand) {
	who := fmt.Sprintf("u%d-1", e.Who)
	switch e.Kind {
	case ErrandProfile:
		s.profile(ctx, who, false)
	case ErrandPicture, ErrandThumb:
		s.see(ctx, who, e.Kind == ErrandThumb)
	case ErrandPage:
		s.visit(ctx, history.Operation{Key: who, Use: &history.Visit{Action: "page"}}, &call{method: "GET", path: "/"},
			func(a *answer, _ *history.Visit) (*call, error) { return nil, wanted(a) })
	case ErrandMissing:
		s.profile(ctx, fmt.Sprintf("nobody-%d", e.Who), false)
	case ErrandPost:
		if s.self == nil {
			s.register(ctx)
		}
		if s.self != nil {
			s.post(ctx, post{id: s.key(), text: s.texts.Ham(random())})
		}
	}
}

// see looks at a picture of somebody that anybody has seen, or at the profile where there is none.
func (s *seat) see(ctx context.Context, of string, thumbnail bool) {
	p, has := s.recall(func(p *sight) bool { return p.author == of && p.picture != "" && (p.thumbnail != "" || !thumbnail) })
	if !has {
		s.profile(ctx, of, false)
		return
	}
	what := "photo"
	if thumbnail {
		what = "thumb"
	}
	s.open(ctx, of, &p, what, false)
}
