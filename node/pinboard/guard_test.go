package pinboard

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"picloud/node/abuse"
	"picloud/node/app"
)

// TestWithoutTheOptionNothingIsJudged, and there is nothing to moderate.
func TestWithoutTheOptionNothingIsJudged(t *testing.T) {
	l := newLab(t)
	l.guard.says(abuse.Verdict{Decision: abuse.Refuse, Reason: abuse.ByLink})
	ann := l.register("ann")
	ann.post("http://bad.example/")
	s := ann.photograph("p", scene(t, 30, 30, 1))
	if got := ann.ask("GET", s.Picture, nil).want(200).header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("pictures may be kept as long as %q", got)
	}
	ann.ask("GET", "/api/me", nil).want(200)
	if strings.Contains(string(ann.ask("GET", "/api/me", nil).body), "may") {
		t.Error("who may report, where nobody moderates?")
	}
	for _, path := range []string{"/api/cases", "/api/lists/links", "/api/audit", "/api/posts/ann/ann-1/history"} {
		ann.ask("GET", path, nil).want(404)
	}
	for _, key := range l.rows() {
		if strings.Contains(key, "/origin/") || strings.Contains(key, "/history/") {
			t.Errorf("what for: %s", key)
		}
	}
	if events, offences := l.guard.asked(), l.guard.blamed(); len(events)+len(offences) > 0 {
		t.Errorf("the guard was asked: %v, told: %v", events, offences)
	}
}

func TestOptionsOfAbuseProtection(t *testing.T) {
	for _, c := range []struct {
		name, value, want string
	}{
		{"abuse", "yes", "it is on or off"},
		{"abuse", "", "it is on or off"},
		{"moderators", "", "a name is 1 to 30"},
		{"moderators", "ann,,bob", "a name is 1 to 30"},
		{"labellers", "Feed", "a name is 1 to 30"},
		{"labellers", "feed, feed", "stands there twice"},
		{"abusive", "on", "it is one of abuse, labellers"},
	} {
		if _, err := readOptions(map[string]string{c.name: c.value}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q: %v", c.name, c.value, err)
		}
	}
	o, err := readOptions(map[string]string{"abuse": "off", "moderators": "ann, bob"})
	if err != nil || o.abuse || !o.moderators["ann"] || !o.moderators["bob"] || len(o.moderators) != 2 {
		t.Errorf("%+v, error %v", o, err)
	}
	if _, err := New(app.Kit{Options: map[string]string{"abuse": "on"}, Metrics: newLab(t).registry}); err == nil {
		t.Error("who judges?")
	}
}

// TestWhatIsRefusedIsNotStored, and the answer says why and when to come again.
func TestWhatIsRefusedIsNotStored(t *testing.T) {
	s := newSquare(t)
	for _, c := range []struct {
		verdict abuse.Verdict
		status  int
		kind    string
		retry   string
	}{
		{abuse.Verdict{Decision: abuse.Refuse, Reason: abuse.ByLimit, RetryAfter: 1500}, 429, `"kind":"too-many-requests"`, "2"},
		{abuse.Verdict{Decision: abuse.Refuse, Reason: abuse.ByReputation, RetryAfter: 60_000}, 403, `"kind":"refused"`, "60"},
		{abuse.Verdict{Decision: abuse.Refuse, Reason: abuse.ByLink}, 403, `"it has a link`, ""},
		{abuse.Verdict{Decision: abuse.Refuse, Reason: abuse.ByPicture}, 403, `"it has a picture`, ""},
		{abuse.Verdict{Decision: abuse.Refuse, Reason: abuse.ByText}, 403, `"it reads like spam`, ""},
	} {
		s.guard.says(c.verdict)
		before := s.rows()
		for what, r := range map[string]*reply{
			"a post":         s.ann.write("p", "hello"),
			"a picture":      s.ann.ask("POST", "/api/posts", newForm().field("id", "q").file("picture", "p.png", scene(t, 900, 900, 3))),
			"a registration": s.nobody().ask("POST", "/api/users", credentials{"new", secret, "new@example.org"}),
			"a login":        s.nobody().ask("POST", "/api/session", credentials{Name: "ann", Password: secret}),
		} {
			r.want(c.status, c.kind)
			if got := r.header.Get("Retry-After"); got != c.retry {
				t.Errorf("%s, %s: come again after %q, not %q", c.verdict.Reason, what, got, c.retry)
			}
			if ms := fmt.Sprintf(`"retry_after_ms":%d`, c.verdict.RetryAfter); c.retry != "" {
				r.want(c.status, ms)
			}
		}
		if after := s.rows(); !slices.Equal(before, after) {
			t.Errorf("%s: it was stored: %q", c.verdict.Reason, after)
		}
	}
	s.guard.says(allows)
	s.ann.write("p", "hello").want(201)
}

// TestWhoKnocksIsJudgedBeforePasswords: they take a core for a second.
func TestWhoKnocksIsJudgedBeforePasswords(t *testing.T) {
	s := newSquare(t)
	rounds := s.effort.rounds
	s.guard.says(abuse.Verdict{Decision: abuse.Refuse, Reason: abuse.ByLimit, RetryAfter: 1000})
	s.nobody().ask("POST", "/api/session", credentials{Name: "ann", Password: "wrong horse"}).want(429)
	s.nobody().ask("POST", "/api/users", credentials{"new", secret, "new@example.org"}).want(429)
	s.ann.ask("DELETE", "/api/me", map[string]string{"password": "wrong horse"}).want(429)
	if s.effort.rounds != rounds {
		t.Error("a password was looked at")
	}
	s.nobody().ask("POST", "/api/users", credentials{"No", secret, "new@example.org"}).want(400)
	if got := s.guard.asked(); len(got) != 3 || got[0].What != abuse.Login || got[0].Who != "ann" || got[1].What != abuse.Register || got[1].Who != "new" ||
		got[2].What != abuse.Login || got[2].Who != "ann" {
		t.Errorf("asked was %+v", got)
	}

	s.guard.says(undecided)
	s.nobody().ask("POST", "/api/users", credentials{"new", secret, "new@example.org"}).want(503, `"kind":"unavailable"`)
	s.nobody().ask("POST", "/api/session", credentials{Name: "ann", Password: secret}).want(200, `"may":["report"]`)
	if got := s.guard.blamed(); len(got) > 0 {
		t.Errorf("who has done harm: %q", got)
	}
}

func TestWrongPasswordsAreOffences(t *testing.T) {
	s := newSquare(t)
	from := "X-Forwarded-For: 192.0.2.7"
	s.nobody().ask("POST", "/api/session", credentials{Name: "ann", Password: "wrong horse"}, from).want(401)
	s.nobody().ask("POST", "/api/session", credentials{Name: "none", Password: "wrong horse"}, from).want(401)
	s.nobody().ask("POST", "/api/users", credentials{"ann", "wrong horse", "ann@example.org"}, from).want(409)
	s.nobody().ask("POST", "/api/session", credentials{Name: "ann", Password: secret}, from).want(200)
	s.ann.ask("DELETE", "/api/me", map[string]string{"password": "wrong horse"}, from).want(403)
	want := []string{"pinboard login by ann from 192.0.2.7", "pinboard login by none from 192.0.2.7", "pinboard login by ann from 192.0.2.7",
		"pinboard login by ann from 192.0.2.7"}
	if got := s.guard.blamed(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestTheAddressIsWhatTheBalancerVouchesFor: it stands last.
func TestTheAddressIsWhatTheBalancerVouchesFor(t *testing.T) {
	s := newSquare(t)
	for header, want := range map[string]string{
		"":                                   "192.0.2.1", // httptest's own
		"203.0.113.5":                        "203.0.113.5",
		"10.0.0.1, 203.0.113.5":              "203.0.113.5",
		"2001:db8::1":                        "2001:db8::1",
		"home-1":                             "home-1",
		"203.0.113.5, ":                      "192.0.2.1",
		strings.Repeat("9", abuse.MaxName+1): "192.0.2.1",
		"203.0.113.5, one two":               "192.0.2.1",
	} {
		var headers []string
		if header != "" {
			headers = []string{"X-Forwarded-For: " + header}
		}
		s.nobody().ask("POST", "/api/session", credentials{Name: "ann", Password: secret}, headers...).want(200)
		if got := s.guard.asked(); len(got) != 1 || got[0].From != want {
			t.Errorf("%q is %+v, not %s", header, got, want)
		}
	}
}

// TestWhatIsJudgedOfAPost is all that others would read, and how the picture looks.
func TestWhatIsJudgedOfAPost(t *testing.T) {
	s := newSquare(t)
	s.ann.write("p", "hello").want(201)
	s.ann.ask("POST", "/api/posts", newForm().field("id", "q").field("text", "look").field("alt", "a cat").file("picture", "p.png", scene(t, 300, 200, 3)),
		"X-Forwarded-For: 203.0.113.5").want(201)
	got := s.guard.asked()
	if len(got) != 2 || got[0].Cost != 1 || got[0].Text != "hello" || got[0].Who != "ann" || len(got[0].Pictures) != 0 ||
		got[1].Cost != 5 || got[1].Text != "look\na cat" || got[1].From != "203.0.113.5" || len(got[1].Pictures) == 0 || len(got[1].Pictures[0]) != 64 {
		t.Errorf("%+v", got)
	}
	s.ann.ask("POST", "/api/posts", newForm().field("id", "r").file("picture", "p.png", []byte("no picture"))).want(400)
	if got := s.guard.asked(); len(got) != 0 {
		t.Errorf("what is no picture was judged: %+v", got)
	}
}

// TestWhatIsHeldIsForTheAuthorAndModerators, until it was reviewed; and a repeated request is told how it stands.
func TestWhatIsHeldIsForTheAuthorAndModerators(t *testing.T) {
	s := newSquare(t)
	s.guard.says(undecided)
	s.ann.write("p", "hello").want(201, `"state":"held"`, `"reason":"undecided"`)
	shot := &shownPost{}
	s.ann.ask("POST", "/api/posts", newForm().field("id", "q").field("text", "a photo").file("picture", "p.png", scene(t, 900, 900, 1))).want(201, `"state":"held"`).into(shot)
	if got := len(s.guard.asked()); got != 2 {
		t.Fatalf("judged %d times", got)
	}
	s.ann.write("p", "hello").want(201, `"state":"held"`)
	if got := s.guard.asked(); len(got) != 0 {
		t.Errorf("a repeated request was judged: %+v", got)
	}
	s.drain()
	for range 2 { // and when the review has found nobody to judge
		s.wantSeen(s.ann, "p", "hello", false)
		s.wantSeen(s.ann, "q", "a photo", false)
		for _, p := range []*person{s.bob, s.eve, s.nobody()} {
			p.ask("GET", shot.Picture, nil).want(404)
			p.ask("GET", shot.Picture+"/thumbnail", nil).want(404)
		}
		s.ann.ask("GET", shot.Picture, nil).want(200)
		s.mod.ask("GET", shot.Picture, nil).want(200)
		s.store.Tick(reviewAfter)
		for _, j := range s.waiting() {
			if err := s.do(t.Context(), &j); j.run.Job.Kind != kindReview || err == nil {
				t.Errorf("the job %s has ended: %v", j.run.Job.Kind, err)
			}
		}
	}
	s.eve.follow(s.ann) // brings along what is there, and is not for eve
	s.work(kindFollow)
	for _, key := range s.rows() {
		if strings.Contains(key, "/timeline/eve/") || strings.Contains(key, "/timeline/bob/") {
			t.Errorf("a job has brought %q", key)
		}
	}
	if got := s.cases(); len(got) != 2 || got[0].ID != "q" || got[0].Reason != "undecided" || got[0].Picture == "" || got[1].ID != "p" || got[1].Standing != held {
		t.Errorf("cases: %+v", got)
	}

	s.guard.says(allows)
	s.settle()
	s.wantSeen(s.ann, "p", "hello", true)
	s.wantSeen(s.ann, "q", "a photo", true)
	s.bob.ask("GET", shot.Picture+"/thumbnail", nil).want(200)
	if got := s.cases(); len(got) != 0 {
		t.Errorf("cases that have ended: %+v", got)
	}
	if r := s.ann.write("p", "hello").want(201); strings.Contains(string(r.body), "state") || r.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("a repeated request is told %s", r.body)
	}
	if got, want := s.ann.did("ann", "p"), []string{"Pinboard allowed", "Pinboard held"}; !slices.Equal(got, want) {
		t.Errorf("history: %q", got)
	}
}

// TestReviewsComeToWhatTheGuardSays.
func TestReviewsComeToWhatTheGuardSays(t *testing.T) {
	for _, c := range []struct {
		name         string
		first, again abuse.Verdict
		state        standing
		reason       string
		ends         bool // the job
		cases        int
	}{
		{"it is fine", undecided, allows, shown, "", true, 0},
		{"it is bad", undecided, abuse.Verdict{Decision: abuse.Refuse, Reason: abuse.ByLink}, blocked, "link", true, 0},
		{"nobody judges still", undecided, undecided, held, "undecided", false, 1},
		{"it comes too fast for those who judge", undecided, abuse.Verdict{Decision: abuse.Refuse, Reason: abuse.ByLimit}, held, "undecided", false, 1},
		{"its text is strange", undecided, suspects, held, "text", true, 1},
		{"its text is as strange as before", suspects, suspects, held, "text", true, 1},
		{"its text is not strange any more", suspects, allows, shown, "", true, 0},
	} {
		s := newSquare(t)
		s.guard.says(c.first)
		s.ann.ask("POST", "/api/posts", draft{ID: "p", Text: "hello"}, "X-Forwarded-For: 203.0.113.5").want(201, `"state":"held"`)
		s.guard.asked()
		s.guard.says(c.again)
		s.store.Tick(reviewAfter)
		for range 2 {
			for _, j := range s.waiting() {
				if err := s.do(t.Context(), &j); (err == nil) != c.ends {
					t.Errorf("%s: the job ends with %v", c.name, err)
				}
			}
		}
		if e := s.guard.asked(); len(e) == 0 || e[0].From != "203.0.113.5" || e[0].Who != "ann" || e[0].Text != "hello" {
			t.Errorf("%s: judged was %+v", c.name, e)
		}
		var p shownPost
		s.ann.ask("GET", "/api/posts/ann/p", nil).want(200).into(&p)
		if p.Standing != c.state || p.Reason != c.reason {
			t.Errorf("%s: it is %q for %q", c.name, p.Standing, p.Reason)
		}
		s.guard.says(allows)
		s.drain()
		if c.state == shown || c.ends {
			s.wantSeen(s.ann, "p", "hello", c.state == shown)
			if got := len(s.cases()); got != c.cases {
				t.Errorf("%s: %d cases", c.name, got)
			}
		}
	}
}

// TestAReviewGivesUpAfterItsLastAttempt: the post stays held, for a moderator.
func TestAReviewGivesUpAfterItsLastAttempt(t *testing.T) {
	s := newSquare(t)
	s.guard.says(undecided)
	s.ann.write("p", "hello").want(201)
	s.store.Tick(reviewAfter)
	j := s.waiting()[0]
	j.run.Attempt = reviewAttempts
	if err := s.do(t.Context(), &j); err != nil {
		t.Fatal(err)
	}
	s.wantSeen(s.ann, "p", "hello", false)
	s.decide("ann", "p", toAllow).want(200)
	s.drain()
	s.wantSeen(s.ann, "p", "hello", true)
}

// TestWhatIsListedIsNotShown, from the moment at which the lists say so; and while nobody knows them, what may be listed is not.
func TestWhatIsListedIsNotShown(t *testing.T) {
	s := newSquare(t)
	s.ann.write("p", "see http://bad.example/x").want(201)
	s.ann.write("q", "no link").want(201)
	shot := s.ann.photograph("r", scene(t, 400, 400, 1))
	look := s.guard.asked()[2].Pictures[0]
	s.settle()
	for id, text := range map[string]string{"p": "see http://bad.example/x", "q": "no link", "r": "a photo"} {
		s.wantSeen(s.ann, id, text, true)
	}
	s.guard.forgetLists(true)
	s.wantSeen(s.ann, "p", "see http://bad.example/x", false)
	s.wantSeen(s.ann, "q", "no link", true)
	s.wantSeen(s.ann, "r", "a photo", false)
	s.eve.ask("GET", shot.Picture, nil).want(404)
	if r := s.ann.ask("GET", "/api/posts/ann/p", nil).want(200); strings.Contains(string(r.body), "state") {
		t.Errorf("the author is told of what passes: %s", r.body)
	}
	s.guard.forgetLists(false)

	tag := s.eve.ask("GET", shot.Picture, nil).want(200).header
	if got := tag.Get("Cache-Control"); got != "private, no-cache" {
		t.Errorf("pictures may be kept: %q", got)
	}
	again := "If-None-Match: " + tag.Get("ETag")
	s.eve.ask("GET", shot.Picture, nil, again).want(304)
	if err := s.guard.rules.Add(t.Context(), abuse.Links, "bad.example", "mod", ""); err != nil {
		t.Fatal(err)
	}
	if err := s.guard.rules.Add(t.Context(), abuse.Pictures, look, "mod", ""); err != nil {
		t.Fatal(err)
	}
	s.wantSeen(s.ann, "p", "see http://bad.example/x", false)
	s.wantSeen(s.ann, "r", "a photo", false)
	s.eve.ask("GET", shot.Picture, nil, again).want(404)
	s.ann.ask("GET", "/api/posts/ann/p", nil).want(200, `"state":"blocked"`, `"reason":"link"`)
	s.ann.ask("GET", "/api/posts/ann/r", nil).want(200, `"state":"blocked"`, `"reason":"picture"`)
}

// TestPagesWithoutAnythingToShowAreNotTheEnd: of twenty-five posts the newest twenty-two are held.
func TestPagesWithoutAnythingToShowAreNotTheEnd(t *testing.T) {
	s := newSquare(t)
	for i := range 25 {
		if i == 3 {
			s.guard.says(undecided)
		}
		s.ann.write(fmt.Sprint("p", i), fmt.Sprint("post ", i)).want(201)
		if i == 2 {
			s.settle()
		}
	}
	want := []string{"post 2", "post 1", "post 0"}
	var list page
	if s.eve.ask("GET", "/api/users/ann", nil).want(200).into(&list); len(list.Posts) != 3 {
		t.Errorf("the first page has %d posts", len(list.Posts))
	}
	if got := s.bob.lines(); !slices.Equal(got, want) {
		t.Errorf("the timeline: %q", got)
	}
	if got := len(s.ann.lines()); got != 25 {
		t.Errorf("the author has %d lines", got)
	}
}
