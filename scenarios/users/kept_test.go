package users

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"picloud/node/pinboard/picture"
	"picloud/reports"
	"picloud/scenarios/checks"
	"picloud/scenarios/history"
	"picloud/scenarios/users/texts"
)

// pinboard is one in memory, for one user: it answers as the real one does.
type pinboard struct {
	t     *testing.T
	posts []*pinned
}

type pinned struct {
	shownPost
	photo, thumb []byte
}

func (p *pinboard) handler() http.Handler {
	mux := http.NewServeMux()
	reply := func(w http.ResponseWriter, v any) { json.NewEncoder(w).Encode(v) }
	mux.HandleFunc("POST /api/users", func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]string{"token": "secret"}) })
	mux.HandleFunc("POST /api/posts", func(w http.ResponseWriter, r *http.Request) {
		made := p.post(r)
		w.WriteHeader(http.StatusCreated)
		reply(w, &made.shownPost)
	})
	mux.HandleFunc("GET /api/users/ann", func(w http.ResponseWriter, _ *http.Request) {
		var all page
		for _, n := range p.posts {
			all.Posts = append(all.Posts, n.shownPost)
		}
		reply(w, &all)
	})
	mux.HandleFunc("GET /api/timeline", func(w http.ResponseWriter, _ *http.Request) { reply(w, &page{}) })
	mux.HandleFunc("GET /api/posts/ann/{id}", func(w http.ResponseWriter, r *http.Request) {
		for _, n := range p.posts {
			if n.ID == r.PathValue("id") {
				reply(w, &n.shownPost)
				return
			}
		}
		http.NotFound(w, r)
	})
	mux.HandleFunc("GET /pictures/", func(w http.ResponseWriter, r *http.Request) {
		for _, n := range p.posts {
			if file := map[string][]byte{n.Picture: n.photo, n.Thumbnail: n.thumb}[r.URL.Path]; file != nil {
				w.Write(file)
				return
			}
		}
		http.NotFound(w, r)
	})
	return mux
}

// post keeps what a request posts, and makes the thumbnail at once.
func (p *pinboard) post(r *http.Request) *pinned {
	made := &pinned{shownPost: shownPost{Author: "ann"}}
	p.posts = append(p.posts, made)
	if r.Header.Get("Content-Type") == "application/json" {
		if err := json.NewDecoder(r.Body).Decode(&made.shownPost); err != nil {
			p.t.Error(err)
		}
		return made
	}
	made.ID, made.Text = r.FormValue("id"), r.FormValue("text")
	file, _, err := r.FormFile("picture")
	if err != nil {
		p.t.Error(err)
		return made
	}
	sent, err := io.ReadAll(file)
	if err != nil {
		p.t.Error(err)
	}
	made.photo = converted(p.t, sent, 1280)
	made.thumb = converted(p.t, made.photo, 320)
	made.Picture = fmt.Sprintf("/pictures/ann/%d", len(p.posts))
	made.Thumbnail = made.Picture + "/thumbnail"
	return made
}

func converted(t *testing.T, file []byte, side int) []byte {
	t.Helper()
	made, err := picture.Convert(file, side, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return made.JPEG
}

// visited lets somebody post, then has the bug happen, and then has everything looked up. It returns what kept says.
func visited(t *testing.T, bug func(*pinboard)) reports.Check {
	t.Helper()
	cloud := &pinboard{t: t}
	s, h := seated(t, cloud.handler())
	ctx := context.Background()
	ann := &person{name: "ann", password: "secret"}
	s.add(ann)
	s.enrol(ctx, ann)
	for range 2 {
		s.photograph(ctx)
		s.post(ctx, post{id: s.key(), text: s.texts.Ham(random())})
	}
	bug(cloud)
	final := s.config.sinceStart()
	s.lookUp(ctx)
	for i := range *h {
		if err := (*h)[i].Validate(); err != nil || (*h)[i].Outcome != history.OK {
			t.Errorf("%v: %s", err, &(*h)[i])
		}
	}
	return checks.Kept(*h, final, 4)
}

// seated returns a seat whose load balancer is a server with the handler, and what it writes down.
func seated(t *testing.T, handler http.Handler) (*seat, *history.History) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Balancers: []string{host}, Port: port, Count: 1, Patience: 10 * time.Second, Timeout: 10 * time.Second, Until: 10 * time.Minute,
		Epoch: time.Now().Add(-time.Minute).UnixNano()}
	var h history.History
	s := &seat{web: &browser{config: &c, client: server.Client()}, crowd: &crowd{config: c, tokens: map[string]string{}, texts: texts.New(vocabulary),
		record: func(o history.Operation) { h = append(h, o) }}}
	return s, &h
}

// TestWhatIsNotAsItWasPostedIsFound, as is what is gone; and nothing is found where all is there.
func TestWhatIsNotAsItWasPostedIsFound(t *testing.T) {
	for _, c := range []struct {
		name string
		bug  func(*pinboard)
		want string // of POST, the post that it is about
	}{
		{"nothing is wrong", func(*pinboard) {}, ""},
		{"there is no thumbnail yet", func(p *pinboard) { p.posts[0].Thumbnail, p.posts[0].thumb = "", nil }, ""},
		{"a picture is gone", func(p *pinboard) { p.posts[0].photo = nil }, "ann/POST at the end: its photo is gone"},
		{"a thumbnail is gone", func(p *pinboard) { p.posts[0].thumb = nil }, "ann/POST at the end: its thumb is gone"},
		{"a picture is another one", func(p *pinboard) { p.posts[0].photo = p.posts[2].photo }, "ann/POST is shown otherwise than it was posted: its photo shows something else"},
		{"a thumbnail is another one", func(p *pinboard) { p.posts[0].thumb = p.posts[2].thumb }, "ann/POST is shown otherwise than it was posted: its thumb shows something else"},
		{"a picture is none", func(p *pinboard) { p.posts[0].photo = []byte("<html>") }, `ann/POST is shown otherwise than it was posted: its photo is no picture: "<html>"`},
		{"a picture is cut", func(p *pinboard) { p.posts[0].photo = p.posts[0].photo[:20] }, "ann/POST is shown otherwise than it was posted: its photo is no picture"},
		{"a picture is not mentioned", func(p *pinboard) { p.posts[0].Picture, p.posts[0].Thumbnail = "", "" }, "ann/POST at the end: it is listed without its photo"},
		{"a text is another one", func(p *pinboard) { p.posts[0].Text = p.posts[1].Text }, "ann/POST is shown otherwise than it was posted: its text is "},
		{"a text is gone", func(p *pinboard) { p.posts[0].Text = "" }, `ann/POST is shown otherwise than it was posted: its text is ""`},
	} {
		post := ""
		got := visited(t, func(p *pinboard) {
			post = p.posts[0].ID
			c.bug(p)
		})
		want := strings.ReplaceAll(c.want, "POST", post)
		if c.want == "" && got.Status == reports.Pass {
			continue
		}
		if c.want == "" || got.Status != reports.Fail || !strings.Contains(got.Detail, want) || got.Harm == nil || got.Harm.Promised == 0 {
			t.Errorf("%s: kept is %s: %s, harm %+v; it should say %q", c.name, got.Status, got.Detail, got.Harm, want)
		}
	}
}

// TestPicturesAreRecognisedAsTheyAreShown: whatever Pinboard makes of a photo shows what was posted, and no other photo does.
func TestPicturesAreRecognisedAsTheyAreShown(t *testing.T) {
	r := random()
	for n := range 40 {
		m := motif(r.Uint64())
		if n < families {
			m = familyMotif(n)
		}
		for way := range variants {
			file, err := variant(m.draw(r), way)
			if err != nil {
				t.Fatal(err)
			}
			large := converted(t, file, 1280)
			for _, made := range [][]byte{large, converted(t, large, 320)} {
				if got, is := motifIn(made); !is || !got.like(m) || got.like(motif(r.Uint64())) {
					t.Errorf("variant %d of %016x shows %016x", way, uint64(m), uint64(got))
				}
			}
		}
	}
	if _, is := motifIn(bytes.Repeat([]byte("x"), 100)); is {
		t.Error("what is no picture shows something")
	}
}

// TestALookAtAnotherPostIsFound: one post is asked for, and another one is shown, which is right by itself.
func TestALookAtAnotherPostIsFound(t *testing.T) {
	v := &history.Visit{}
	(&seat{crowd: &crowd{}}).seePost(&sight{author: "ann", id: "p"}, &answer{body: []byte(`{"author": "ann", "id": "q"}`)}, v)
	if len(v.Wrong) != 1 || v.Wrong[0] != "ann/p: what is shown is ann/q" {
		t.Errorf("it is %q", v.Wrong)
	}
}
