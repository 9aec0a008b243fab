package pinboard

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"picloud/node/api"
	"picloud/node/cache"
)

// TestTheLifeOfAnAccount goes from registration to the tombstone, and looks that nothing else is left.
func TestTheLifeOfAnAccount(t *testing.T) {
	l := newLab(t)
	ann, bob := l.register("ann"), l.register("bob")
	l.drain()
	mail := l.mail.sent()
	slices.SortFunc(mail, func(a, b message) int { return strings.Compare(a.User, b.User) })
	if len(mail) != 2 || mail[0].To != "ann@example.org" || mail[0].Kind != "welcome" || mail[0].User != "ann" || mail[0].ID == mail[1].ID {
		t.Fatalf("mail: %+v", mail)
	}
	ann.ask("GET", "/api/me", nil).want(200, `"name":"ann"`, `"mail":"ann@example.org"`)

	first := ann.post("first")
	ann.post("second")
	bob.follow(ann)
	bob.ask("GET", "/api/follows", nil).want(200, `"ann"`)
	l.drain()
	if got := bob.lines(); !slices.Equal(got, []string{"second", "first"}) {
		t.Fatalf("who follows sees %q of what was there before", got)
	}
	bob.post("hello")
	shot := ann.photograph("p1", photo(t, 2000, 1000, 1))
	l.drain()
	if got := sorted(bob.lines()); !slices.Equal(got, []string{"a photo", "first", "hello", "second"}) {
		t.Fatalf("the timeline: %q", got)
	}
	bob.ask("GET", "/api/users/ann", nil).want(200, `"followers":1`, `"followed":true`, shot.Picture+`/thumbnail"`, `"width":1280,"height":640`)
	bob.ask("GET", shot.Picture, nil).want(200)
	bob.ask("GET", shot.Picture+"/thumbnail", nil).want(200)
	bob.ask("GET", "/api/posts/ann/"+first.ID, nil).want(200, `"text":"first"`)

	ann.ask("DELETE", "/api/posts/ann/"+first.ID, nil).want(200)
	if got := sorted(bob.lines()); !slices.Equal(got, []string{"a photo", "hello", "second"}) {
		t.Fatalf("before the job that takes it back: %q", got)
	}
	ann.follow(bob)
	l.drain()

	ann.ask("DELETE", "/api/me", map[string]string{"password": "wrong horse"}).want(403, "the password is wrong")
	ann.ask("DELETE", "/api/me", map[string]string{"password": secret}).want(200)
	ann.ask("GET", "/api/me", nil).want(401)
	for _, path := range []string{"/api/users/ann", "/api/posts/ann/ann-2", shot.Picture, shot.Picture + "/thumbnail"} {
		bob.ask("GET", path, nil).want(404)
	}
	if got := bob.lines(); !slices.Equal(got, []string{"hello"}) {
		t.Fatalf("when an author has left: %q", got)
	}
	l.drain()
	bob.ask("GET", "/api/users/bob", nil).want(200, `"followers":0`)
	l.nobody().ask("POST", "/api/users", credentials{"ann", secret, "new@example.org"}).want(409, "the name is taken")
	l.onlyTombstoneOf("ann")

	bob.ask("DELETE", "/api/me", map[string]string{"password": secret}).want(200)
	l.drain()
	l.store.Tick(2 * time.Hour) // until drafts are swept
	l.drain()
	l.onlyTombstoneOf("ann")
	l.onlyTombstoneOf("bob")
	if rows := l.rows(); len(rows) != 2 {
		t.Fatalf("there is left: %q", rows)
	}
	l.store.Tick(nameTTL)
	if rows := l.rows(); len(rows) != 0 {
		t.Fatalf("after a month there is left: %q", rows)
	}
	l.register("ann")
}

// TestADeletionIsAnsweredAgainLikeTheFirst, though the cache knows the session still, and while the first is under way; another session has ended.
func TestADeletionIsAnsweredAgainLikeTheFirst(t *testing.T) {
	l := newLab(t)
	ann := l.register("ann")
	elsewhere := *ann
	var a account
	l.nobody().ask("POST", "/api/session", credentials{Name: "ann", Password: secret}).want(200).into(&a)
	elsewhere.token = a.Token
	l.cache.keeps, l.cache.known = true, map[string]cache.Answer{}
	for _, p := range []*person{ann, &elsewhere} {
		p.ask("GET", "/api/me", nil).want(200)
	}
	leave := func(p *person) *reply { return p.ask("DELETE", "/api/me", map[string]string{"password": secret}) }
	ann.fault = &fault{at: 2, sort: stall, stalled: make(chan struct{}), resume: make(chan struct{})} // before it writes
	first := make(chan *reply)
	go func() { first <- leave(ann) }()
	<-ann.fault.stalled
	same := *ann
	same.fault = nil
	leave(&same).want(200)
	close(ann.fault.resume)
	(<-first).want(200)
	leave(&same).want(200)
	leave(&elsewhere).want(401)
	l.cache.keeps, l.cache.known = false, nil
	leave(&same).want(200)
	leave(&elsewhere).want(401)
	l.drain()
	leave(&same).want(200)
}

// TestAThumbnailThatIsMadeWhileTheAccountIsRemovedIsNotLeft: a run has read the posts and is about to remove them.
func TestAThumbnailThatIsMadeWhileTheAccountIsRemovedIsNotLeft(t *testing.T) {
	l := newLab(t)
	ann := l.register("ann")
	ann.photograph("p", photo(t, 900, 900, 3))
	ann.ask("DELETE", "/api/me", map[string]string{"password": secret}).want(200)
	jobs := map[string]*waiting{}
	for _, j := range l.waiting() {
		jobs[j.run.Job.Kind] = &j
	}
	removal := &fault{at: 2, sort: stall, stalled: make(chan struct{}), resume: make(chan struct{})}
	ended := make(chan error)
	go func() { ended <- l.do(removal.in(t.Context()), jobs[kindDelete]) }()
	<-removal.stalled
	if err := l.do(t.Context(), jobs[kindThumbnail]); err != nil {
		t.Error(err)
	}
	close(removal.resume)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	l.drain()
	l.store.Tick(2 * time.Hour) // until drafts are swept
	l.drain()
	if rows := l.rows(); len(rows) != 1 {
		t.Errorf("there is left: %q", rows)
	}
}

func sorted(texts []string) []string {
	slices.Sort(texts)
	return texts
}

// onlyTombstoneOf looks for whatever has a name in it.
func (l *lab) onlyTombstoneOf(name string) {
	l.t.Helper()
	for _, key := range l.rows() {
		if strings.Contains(key, name) && key != l.pinboard.home(name).user() {
			l.t.Errorf("of %s there is left: %q", name, key)
		}
	}
}

func TestAPostReachesAllFollowers(t *testing.T) {
	l := newLab(t)
	author := l.register("author")
	var fans []*person
	for i := range 2*followersAtOnce + 7 {
		fans = append(fans, l.register(fmt.Sprintf("fan-%d", i)))
		fans[i].follow(author)
	}
	l.drain()
	author.post("to all")
	fans[3].ask("DELETE", "/api/follows/author", nil).want(200)
	l.drain()
	for i, f := range fans {
		if got := len(f.lines()); (got == 1) == (i == 3) {
			t.Errorf("fan %d has %d lines", i, got)
		}
	}
	author.ask("GET", "/api/users/author", nil).want(200, fmt.Sprintf(`"followers":%d`, len(fans)-1))
	author.ask("DELETE", "/api/posts/author/author-1", nil).want(200)
	l.drain()
	for _, key := range l.rows() {
		if strings.Contains(key, "/timeline/") {
			t.Errorf("of a post that is gone there is left: %q", key)
		}
	}
}

func TestTimelinesAreBounded(t *testing.T) {
	l := newLab(t)
	author, fan := l.register("author"), l.register("fan")
	fan.follow(author)
	l.drain()
	for i := range maxTimeline + 150 {
		author.post(fmt.Sprint("post ", i))
		l.drain()
	}
	for _, p := range []*person{author, fan} {
		lines := p.lines()
		if len(lines) < maxTimeline || len(lines) > maxTimeline+100 || lines[0] != fmt.Sprint("post ", maxTimeline+149) {
			t.Errorf("%s has %d lines, the first is %q", p.name, len(lines), lines[0])
		}
	}
	if got := fan.texts("/api/users/author"); len(got) != maxTimeline+150 {
		t.Errorf("the profile has %d posts", len(got))
	}
	fan.ask("DELETE", "/api/follows/author", nil).want(200)
	l.drain()
	if got := fan.lines(); len(got) != 0 {
		t.Errorf("who follows no more still has %d lines", len(got))
	}
}

// TestWhatIsPostedBeforeAFollowTakesEffectIsBrought, however much it is: it was posted after it had been answered. Of what was there
// before, only the newest is.
func TestWhatIsPostedBeforeAFollowTakesEffectIsBrought(t *testing.T) {
	for _, later := range []int{0, 3, backfill + 5} {
		s := newSquare(t)
		for i := range backfill + 10 {
			s.ann.post(fmt.Sprint("early ", i))
		}
		s.settle()
		s.eve.follow(s.ann)
		for i := range later {
			s.ann.post(fmt.Sprint("late ", i))
		}
		s.work(kindTimeline)
		s.settle()
		if got, want := s.eve.lines(), max(backfill, later); len(got) != want {
			t.Errorf("%d posts have come after %d, not %d", len(got), later, want)
		}
	}
}

// TestUnfollowingFindsWhatLiesFarBack in a timeline that is longer than it is to be.
func TestUnfollowingFindsWhatLiesFarBack(t *testing.T) {
	for _, leaves := range []bool{false, true} {
		l := newLab(t)
		author, fan := l.register("author"), l.register("fan")
		author.post("hello")
		fan.follow(author)
		l.drain()
		h := l.pinboard.home("fan")
		for i := range int64(25) {
			var ops []api.Op
			for k := range int64(100) {
				n := entry{"other", newPlace(now()+100*i+k+1, "other", fmt.Sprint(i, k))}
				ops = append(ops, put(h.entry(n), n, 0))
			}
			if _, err := l.store.Txn(t.Context(), &api.Txn{Then: ops}); err != nil {
				t.Fatal(err)
			}
		}
		if leaves {
			author.ask("DELETE", "/api/me", map[string]string{"password": secret}).want(200)
		} else {
			fan.ask("DELETE", "/api/follows/author", nil).want(200)
		}
		l.drain()
		rows := 0
		for _, key := range l.rows() {
			if !strings.Contains(key, "/timeline/fan/") {
				continue
			}
			if rows++; strings.Contains(key, "author") {
				t.Errorf("left (the author leaves: %v): %q", leaves, key)
			}
		}
		if rows != 2500 {
			t.Errorf("%d entries of others are left", rows)
		}
	}
}
