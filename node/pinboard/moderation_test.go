package pinboard

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"picloud/node/abuse"
	"picloud/node/api"
	"picloud/node/cache"
	"picloud/node/metricstest"
)

// TestAReportLeadsToAVerdict: of two people who report a post one does it twice, and the author does not learn who.
func TestAReportLeadsToAVerdict(t *testing.T) {
	s := newSquare(t)
	s.ann.ask("POST", "/api/posts", draft{ID: "p", Text: "buy this"}, "X-Forwarded-For: 203.0.113.5").want(201)
	s.settle()
	report := func(p *person, why string) {
		p.ask("POST", "/api/posts/ann/p/report", map[string]string{"why": why}).want(200)
	}
	report(s.bob, "spam")
	report(s.bob, "I say it again")
	s.drain()
	report(s.eve, "")
	s.drain()
	report(s.bob, "and again")
	s.drain()
	if got := s.cases(); len(got) != 1 || got[0].Author != "ann" || got[0].ID != "p" || got[0].Reports != 2 || got[0].Text != "buy this" || got[0].Opened == 0 {
		t.Fatalf("cases: %+v", got)
	}
	s.wantSeen(s.ann, "p", "buy this", true)
	if got := sorted(s.mod.did("ann", "p")); !slices.Equal(got, []string{"bob reported", "eve reported"}) {
		t.Errorf("a moderator reads %q", got)
	}
	if got := s.ann.did("ann", "p"); !slices.Equal(got, []string{"reported", "reported"}) {
		t.Errorf("the author reads %q", got)
	}
	if body := s.ann.ask("GET", "/api/posts/ann/p/history", nil).body; strings.Contains(string(body), "spam") {
		t.Errorf("the author reads why: %s", body)
	}

	for range 2 { // it may be repeated
		s.decide("ann", "p", toBlock).want(200, `"state":"blocked"`, `"reason":"moderator"`)
	}
	s.wantSeen(s.ann, "p", "buy this", false)
	if got := s.guard.blamed(); !slices.Equal(got, []string{"pinboard post by ann from 203.0.113.5"}) {
		t.Errorf("offences: %q", got)
	}
	s.settle()
	s.wantSeen(s.ann, "p", "buy this", false)
	if got := s.cases(); len(got) != 0 {
		t.Errorf("a verdict has not ended %+v", got[0])
	}
	if got := s.mod.did("ann", "p"); len(got) != 3 || got[0] != "mod blocked" {
		t.Errorf("history: %q", got)
	}
	for _, key := range s.rows() {
		if strings.Contains(key, "/timeline/bob/") {
			t.Errorf("it is not taken out: %s", key)
		}
	}
	s.ann.write("p", "buy this").want(201, `"state":"blocked"`)
}

// TestAnAppealThatIsAllowedBringsItBack, to followers too.
func TestAnAppealThatIsAllowedBringsItBack(t *testing.T) {
	s := newSquare(t)
	shot := s.ann.photograph("p", scene(t, 900, 900, 1))
	s.settle()
	appeal := func(why string) *reply {
		return s.ann.ask("POST", "/api/posts/ann/p/appeal", map[string]string{"why": why})
	}
	appeal("nobody says that it is blocked").want(409, `"kind":"conflict"`)
	s.decide("ann", "p", toBlock).want(200)
	s.settle()
	s.eve.ask("GET", shot.Picture, nil).want(404)
	s.eve.ask("GET", shot.Picture+"/thumbnail", nil).want(404)
	for range 2 {
		appeal("it is mine").want(200, `"appealed":true`, `"state":"blocked"`)
		appeal("another word").want(200)
		if got := s.cases(); len(got) != 1 || got[0].Appeal != "it is mine" || got[0].Appealed == 0 || got[0].Standing != blocked {
			t.Fatalf("cases: %+v", got)
		}
		s.decide("ann", "p", toBlock).want(200) // once more, and the author may appeal once more
		if got := s.cases(); len(got) != 0 {
			t.Errorf("a verdict has not ended %+v", got[0])
		}
	}
	appeal("it is mine").want(200)
	s.decide("ann", "p", toAllow).want(200)
	s.decide("ann", "p", toAllow).want(200)
	s.settle()
	s.wantSeen(s.ann, "p", "a photo", true)
	s.eve.ask("GET", shot.Picture+"/thumbnail", nil).want(200)
	want := []string{"mod allowed", "ann appealed", "mod blocked", "ann appealed", "mod blocked", "ann appealed", "mod blocked"}
	if got := s.ann.did("ann", "p"); !slices.Equal(sorted(got), sorted(want)) {
		t.Errorf("history: %q", got)
	}
	if got := s.guard.blamed(); len(got) != 3 {
		t.Errorf("offences: %q", got)
	}
}

// TestNoJobBringsWhatIsBlocked, whichever of the jobs comes first.
func TestNoJobBringsWhatIsBlocked(t *testing.T) {
	s := newSquare(t)
	s.ann.write("p", "hello").want(201)
	s.decide("ann", "p", toBlock).want(200)
	s.work(kindRetract)
	s.work(kindTimeline)
	for _, key := range s.rows() {
		if strings.Contains(key, "/timeline/bob/") {
			t.Errorf("a job has brought %q", key)
		}
	}
}

// TestAVerdictThatComesBeforeTheReviewStands.
func TestAVerdictThatComesBeforeTheReviewStands(t *testing.T) {
	s := newSquare(t)
	s.guard.says(undecided)
	s.ann.write("p", "hello").want(201)
	s.ann.ask("POST", "/api/posts/ann/p/appeal", map[string]string{"why": "please"}).want(200)
	if got := s.cases(); len(got) != 1 || got[0].Appeal != "please" {
		t.Errorf("cases: %+v", got)
	}
	s.decide("ann", "p", toBlock).want(200)
	s.guard.says(allows)
	s.guard.asked()
	s.settle()
	if got := s.guard.asked(); len(got) != 0 {
		t.Errorf("what is decided was judged: %+v", got)
	}
	s.wantSeen(s.ann, "p", "hello", false)

	// And one whose author asks for a moderator keeps its case, whatever a review says.
	s.guard.says(undecided)
	s.ann.write("q", "hello, too").want(201)
	s.ann.ask("POST", "/api/posts/ann/q/appeal", map[string]string{"why": "please"}).want(200)
	s.guard.says(abuse.Verdict{Decision: abuse.Refuse, Reason: abuse.ByText})
	s.settle()
	if got := s.cases(); len(got) != 1 || got[0].Standing != blocked || got[0].Reason != "text" || got[0].Appeal != "please" {
		t.Errorf("cases: %+v", got)
	}
}

// TestAVerdictTeachesTheRules: labels and lists are written before it is answered, and what is stored elsewhere is swept.
func TestAVerdictTeachesTheRules(t *testing.T) {
	s := newSquare(t)
	const bad = "see http://bad.example/x"
	s.ann.ask("POST", "/api/posts", newForm().field("id", "p").field("text", bad).file("picture", "p.png", scene(t, 300, 200, 3))).want(201)
	s.eve.write("e", "me too: http://bad.example/x").want(201)
	s.eve.photograph("f", scene(t, 300, 200, 3))
	s.settle()
	looks := s.guard.asked()[0].Pictures
	for range 2 {
		s.decide("ann", "p", toBlock, "label", "spam", "list", []string{"links", "pictures"}).want(200)
		if got := s.guard.list(abuse.Links); !slices.Equal(got, []string{"bad.example/x"}) {
			t.Errorf("links: %q", got)
		}
		if got := s.guard.list(abuse.Pictures); len(got) == 0 || !slices.Equal(got, sorted(looks)) {
			t.Errorf("pictures: %q", got)
		}
	}
	s.bob.ask("GET", "/api/posts/eve/e", nil).want(404)
	s.settle()
	for _, id := range []string{"e", "f"} {
		s.eve.ask("GET", "/api/posts/eve/"+id, nil).want(200, `"state":"blocked"`)
		if got := s.mod.did("eve", id); !slices.Equal(got, []string{"Pinboard blocked"}) {
			t.Errorf("history of %s: %q", id, got)
		}
	}
	var audit struct{ Lines []abuse.Line }
	s.mod.ask("GET", "/api/audit", nil).want(200).into(&audit)
	var did []string
	for _, l := range audit.Lines {
		did = append(did, l.By+" "+l.Did)
	}
	if want := slices.Repeat([]string{"mod list"}, 1+len(looks)); !slices.Equal(sorted(did), append([]string{"mod label"}, want...)) {
		t.Errorf("audit: %q", did)
	}
	s.decide("ann", "p", toAllow, "label", "ham").want(200, `"state":"blocked"`, `"reason":"link"`) // lists stay
	s.wantSeen(s.ann, "p", bad, false)
}

// TestALinkThatIsTooLongForAnEntryIsListedByItsHost, and what comes behind it is listed too.
func TestALinkThatIsTooLongForAnEntryIsListedByItsHost(t *testing.T) {
	s := newSquare(t)
	long := "http://bad.example/" + strings.Repeat("x", 1010)
	s.ann.write("p", long+" or http://worse.example/x").want(201)
	s.decide("ann", "p", toBlock, "list", []string{"links"}).want(200)
	if got := s.guard.list(abuse.Links); !slices.Equal(got, []string{"=bad.example", "worse.example/x"}) {
		t.Errorf("links: %.80q", got)
	}
	s.mod.ask("PUT", "/api/lists/links/"+url.PathEscape(strings.TrimPrefix(long, "http://")), map[string]string{"why": "bad"}).want(400, "its path")
}

// TestWhatAnEntryIsMadeOf: the host and path of a link, or its host alone where below it are the domains of many.
func TestWhatAnEntryIsMadeOf(t *testing.T) {
	for text, want := range map[string][]string{
		"hello": nil,
		"http://Bad.Example/a?b=1#c and HXXP: no":         {"bad.example/a?b=1"},
		"see www.bad.com, twice www.bad.com":              {"www.bad.com"},
		"https://co.uk":                                   {"=co.uk"},
		"https://[2001:db8::1]:80/":                       {"=[2001:db8::1]"},
		"http://bad.example/" + strings.Repeat("x", 1500): {"=bad.example"},
	} {
		if got, err := linksOf(text); err != nil || !slices.Equal(got, want) || hasLinks(text) != (want != nil) {
			t.Errorf("%.80q has %q, error %v", text, got, err)
		}
	}
}

// TestWhatHasNoDetailIsNotListed: its hash would be that of many.
func TestWhatHasNoDetailIsNotListed(t *testing.T) {
	s := newSquare(t)
	s.ann.photograph("p", photo(t, 50, 50, 0))
	if got := s.guard.asked(); len(got) != 1 || len(got[0].Pictures) != 0 {
		t.Errorf("judged: %+v", got)
	}
	s.decide("ann", "p", toBlock, "list", []string{"pictures"}).want(200, `"state":"blocked"`)
	if got := s.guard.list(abuse.Pictures); len(got) > 0 {
		t.Errorf("listed: %q", got)
	}
}

// TestASweepGoesOverAllPages, and leaves alone what is not listed.
func TestASweepGoesOverAllPages(t *testing.T) {
	s := newSquare(t)
	const total = sweptAtOnce + 3*blockedAtOnce
	var fans []*person
	for i := range 4 {
		fans = append(fans, s.register(fmt.Sprint("fan-", i)))
	}
	for i := range total {
		text := fmt.Sprintf("%d is http://fine.example/", i)
		if i%3 > 0 {
			text = fmt.Sprintf("%d is http://bad.example/", i)
		}
		fans[i%len(fans)].write(fmt.Sprint("p", i), text).want(201)
	}
	s.guard.says(undecided)
	s.ann.write("held", "http://bad.example/").want(201)
	s.guard.says(allows)
	s.drain()
	s.mod.ask("PUT", "/api/lists/links/bad.example", map[string]string{"why": "bad"}).want(200)
	for _, j := range s.waiting() {
		if j.run.Job.Kind == kindSweep {
			t.Error("a sweep begins before the lists are known everywhere")
		}
	}
	s.guard.forgetLists(true)
	s.store.Tick(sweepAfter)
	for _, j := range s.waiting() { // where nobody knows the lists nothing is decided
		if err := s.do(t.Context(), &j); j.run.Job.Kind == kindSweep && api.KindOf(err) != api.Unavailable {
			t.Errorf("a sweep ends with %v", err)
		}
	}
	s.guard.forgetLists(false)
	s.settle()
	blockedOnes := 0
	for i := range total {
		author := fans[i%len(fans)]
		var p shownPost
		s.mod.ask("GET", "/api/posts/"+author.name+"/"+fmt.Sprint("p", i), nil).want(200).into(&p)
		if (p.Standing == blocked) != (i%3 > 0) {
			t.Errorf("%d is %q", i, p.Standing)
		}
		if p.Standing == blocked {
			blockedOnes++
		}
	}
	if got := metricstest.Sum(t, s.registry, "picloud_pinboard_rulings_total", "blocked", "sweep"); int(got) < blockedOnes || blockedOnes == 0 {
		t.Errorf("%v were swept, %d are blocked", got, blockedOnes)
	}

	// Once the entry is gone the posts stay blocked until somebody allows them.
	s.mod.ask("DELETE", "/api/lists/links/bad.example", map[string]string{"why": "a mistake"}).want(200)
	s.eve.ask("GET", "/api/posts/fan-1/p1", nil).want(404)
	s.decide("fan-1", "p1", toAllow).want(200)
	s.eve.ask("GET", "/api/posts/fan-1/p1", nil).want(200)
}

// TestCasesOfAllPartitionsAreOneList, the newest first, page by page.
func TestCasesOfAllPartitionsAreOneList(t *testing.T) {
	s := newSquare(t)
	s.guard.says(undecided, abuse.Post)
	want := map[string]bool{}
	for i := range 3 {
		p := s.register(fmt.Sprint("user-", i))
		for n := range pageSize {
			id := fmt.Sprintf("p%d-%d", i, n)
			p.write(id, "hello").want(201)
			want[id] = true
		}
	}
	got := s.cases()
	for i, c := range got {
		if !want[c.ID] {
			t.Errorf("%s stands there twice, or is none", c.ID)
		}
		delete(want, c.ID)
		if i > 0 && c.Opened > got[i-1].Opened {
			t.Errorf("%d ms after %d", c.Opened, got[i-1].Opened)
		}
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
	s.mod.ask("GET", "/api/cases?before=nothing", nil).want(400)
}

// TestRulesAreChangedByModerators, and each change leaves a line.
func TestRulesAreChangedByModerators(t *testing.T) {
	s := newSquare(t)
	why := map[string]string{"why": "because"}
	entry := url.PathEscape("bad.example/ads/%2F?x=1")
	for range 2 {
		s.mod.ask("PUT", "/api/lists/links/"+entry, why).want(200)
	}
	s.mod.ask("GET", "/api/lists/links", nil).want(200, `"entry":"bad.example/ads/%2F?x=1"`, `"by":"mod"`, `"why":"because"`)
	s.mod.ask("GET", "/api/lists/links?after=bad.example/z", nil).want(200, `"entries":[]`)
	s.mod.ask("GET", "/api/lists/pictures", nil).want(200, `"entries":[]`)
	s.mod.ask("DELETE", "/api/lists/links/"+entry, why).want(200)
	s.mod.ask("GET", "/api/lists/links", nil).want(200, `"entries":[]`)
	s.feed.ask("POST", "/api/labels", map[string]any{"text": "buy this", "spam": true}).want(200)
	s.mod.ask("POST", "/api/labels", map[string]any{"text": "hello", "spam": false}).want(200)
	s.mod.ask("PUT", "/api/sources/feed", map[string]any{"trusted": false, "why": "it lies"}).want(200)
	s.mod.ask("PUT", "/api/sources/feed", map[string]any{"trusted": true, "why": "it does not"}).want(200)
	s.mod.ask("DELETE", "/api/condemned/203.0.113.5", why).want(200)
	var audit struct {
		Lines []abuse.Line
		Next  string
	}
	s.mod.ask("GET", "/api/audit", nil).want(200).into(&audit)
	did := []string{}
	for _, l := range audit.Lines {
		did = append(did, l.By+" "+l.Did)
	}
	if want := []string{"feed label", "mod distrust", "mod label", "mod list", "mod pardon", "mod trust", "mod unlist"}; !slices.Equal(sorted(did), want) {
		t.Errorf("audit: %q", did)
	}
	s.mod.ask("GET", "/api/audit?before=0000000000000-0", nil).want(200, `"lines":[]`)
}

// TestLongListsComeInPages.
func TestLongListsComeInPages(t *testing.T) {
	s := newSquare(t)
	for i := range rulesAtOnce + 5 {
		if err := s.guard.rules.Add(t.Context(), abuse.Links, fmt.Sprintf("%03d.example", i), "mod", ""); err != nil {
			t.Fatal(err)
		}
	}
	var first, second struct {
		Entries []abuse.Listing
		Next    string
	}
	s.mod.ask("GET", "/api/lists/links", nil).want(200).into(&first)
	s.mod.ask("GET", "/api/lists/links?after="+first.Next, nil).want(200).into(&second)
	if len(first.Entries) != rulesAtOnce || len(second.Entries) != 5 || second.Next != "" || second.Entries[0].Entry != fmt.Sprintf("%03d.example", rulesAtOnce) {
		t.Errorf("%d and %d, then %q", len(first.Entries), len(second.Entries), second.Next)
	}
	var one, two struct {
		Lines []abuse.Line
		Next  string
	}
	s.mod.ask("GET", "/api/audit", nil).want(200).into(&one)
	s.mod.ask("GET", "/api/audit?before="+one.Next, nil).want(200).into(&two)
	if len(one.Lines) != rulesAtOnce || len(two.Lines) != 5 || two.Next != "" {
		t.Errorf("%d and %d, then %q", len(one.Lines), len(two.Lines), two.Next)
	}
}

// TestModerationRefusesWhatIsNotRight, of each endpoint.
func TestModerationRefusesWhatIsNotRight(t *testing.T) {
	s := newSquare(t)
	s.ann.write("p", "hello").want(201)
	s.guard.says(undecided)
	s.ann.write("held", "hello").want(201)
	long := strings.Repeat("x", maxWhy+1)
	why := map[string]any{"why": "because"}
	type ask struct {
		who          *person
		method, path string
		body         any
		status       int
	}
	asks := []ask{
		{s.bob, "POST", "/api/posts/ann/held/report", why, 404}, // nobody else sees it
		{s.bob, "POST", "/api/posts/ann/none/report", why, 404},
		{s.bob, "POST", "/api/posts/nobody/p/report", why, 404},
		{s.bob, "POST", "/api/posts/NOBODY/p/report", why, 400},
		{s.bob, "POST", "/api/posts/ann/p/report", map[string]any{"why": long}, 413},
		{s.bob, "POST", "/api/posts/ann/p/appeal", why, 403},
		{s.bob, "POST", "/api/posts/ann/held/appeal", why, 404},
		{s.mod, "POST", "/api/posts/ann/held/appeal", why, 403},
		{s.ann, "POST", "/api/posts/ann/p/appeal", why, 409},
		{s.bob, "GET", "/api/posts/ann/p/history", nil, 403},
		{s.bob, "GET", "/api/posts/ann/held/history", nil, 404},
		{s.mod, "PUT", "/api/posts/ann/none/verdict", map[string]any{"verdict": "block"}, 404},
		{s.mod, "PUT", "/api/posts/ann/p/verdict", map[string]any{}, 400},
		{s.mod, "PUT", "/api/posts/ann/p/verdict", map[string]any{"verdict": "maim"}, 400},
		{s.mod, "PUT", "/api/posts/ann/p/verdict", map[string]any{"verdict": "block", "label": "eggs"}, 400},
		{s.mod, "PUT", "/api/posts/ann/p/verdict", map[string]any{"verdict": "block", "list": []string{"words"}}, 400},
		{s.mod, "PUT", "/api/posts/ann/p/verdict", map[string]any{"verdict": "allow", "list": []string{"links"}}, 400},
		{s.mod, "PUT", "/api/posts/ann/p/verdict", map[string]any{"verdict": "block", "why": long}, 413},
		{s.mod, "PUT", "/api/lists/words/x", why, 404},
		{s.mod, "GET", "/api/lists/words", nil, 404},
		{s.mod, "PUT", "/api/lists/links/" + strings.Repeat("x", 600), why, 400},
		{s.mod, "PUT", "/api/lists/links/a%0ab", why, 400},
		{s.mod, "PUT", "/api/lists/links/%FF", why, 400},
		{s.mod, "PUT", "/api/sources/FEED", map[string]any{"trusted": false}, 400},
		{s.mod, "POST", "/api/labels", map[string]any{"text": " ", "spam": true}, 400},
		{s.feed, "POST", "/api/labels", map[string]any{"text": strings.Repeat("x", maxText+1), "spam": true}, 413},
		{s.mod, "DELETE", "/api/condemned/a%20b", why, 400},
		{s.mod, "GET", "/api/audit?before=UPPER", nil, 400},
		{s.mod, "GET", "/api/cases?after=x", nil, 400},
	}
	moderated := map[string][]string{ // methods that a moderator may use
		"/api/posts/ann/p/verdict": {"PUT"}, "/api/cases": {"GET"}, "/api/lists/links": {"GET"}, "/api/lists/links/x": {"PUT", "DELETE"},
		"/api/sources/feed": {"PUT"}, "/api/condemned/x": {"DELETE"}, "/api/audit": {"GET"}, "/api/labels": {"POST"},
	}
	mine := map[string][]string{"/api/posts/ann/p/report": {"POST"}, "/api/posts/ann/p/appeal": {"POST"}, "/api/posts/ann/p/history": {"GET"}}
	for path, methods := range moderated {
		for _, method := range methods {
			asks = append(asks, ask{s.ann, method, path, why, 403}, ask{s.nobody(), method, path, why, 401})
			if path != "/api/labels" {
				asks = append(asks, ask{s.feed, method, path, why, 403})
			}
		}
		mine[path] = methods
	}
	for path, methods := range mine {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			switch {
			case !slices.Contains(methods, method):
				asks = append(asks, ask{s.mod, method, path, nil, 405})
			case method != "GET":
				asks = append(asks, ask{s.nobody(), method, path, why, 401}, ask{s.mod, method, path, map[string]any{"because": "x"}, 400},
					ask{s.mod, method, path, "no JSON", 400}, ask{s.mod, method, path, nil, 400}, ask{s.mod, method, path + "?x=1", why, 400})
			}
		}
	}
	before := s.rows()
	for _, a := range asks {
		if r := a.who.ask(a.method, a.path, a.body); r.status != a.status {
			t.Errorf("%s with %v: status %d, not %d: %s", r.what, a.body, r.status, a.status, r.body)
		}
	}
	if after := s.rows(); !slices.Equal(before, after) {
		t.Error("something was written")
	}
	var audit struct{ Lines []abuse.Line }
	if s.mod.ask("GET", "/api/audit", nil).want(200).into(&audit); len(audit.Lines) != 0 {
		t.Errorf("rules were changed: %+v", audit.Lines)
	}
}

// TestAModeratorWhoHasLeftDecidesNothing: the cache still knows the session.
func TestAModeratorWhoHasLeftDecidesNothing(t *testing.T) {
	s := newSquare(t)
	s.ann.write("p", "hello").want(201)
	s.cache.keeps, s.cache.known = true, map[string]cache.Answer{}
	s.mod.ask("GET", "/api/cases", nil).want(200)
	s.mod.ask("DELETE", "/api/me", map[string]string{"password": secret}).want(200)
	s.decide("ann", "p", toBlock).want(401)
	s.mod.ask("PUT", "/api/lists/links/x", map[string]string{}).want(401)
	s.cache.keeps, s.cache.known = false, nil
	s.eve.ask("GET", "/api/posts/ann/p", nil).want(200)
	if got := s.guard.list(abuse.Links); len(got) > 0 {
		t.Errorf("links: %q", got)
	}
}

// TestVerdictsAndDeletionsMeet: whatever stalls in the middle of the one while the other is done, nothing of a post that was
// deleted comes back, and nothing of an account that was.
func TestVerdictsAndDeletionsMeet(t *testing.T) {
	delete := map[string]func(s *square){
		"post": func(s *square) { s.ann.ask("DELETE", "/api/posts/ann/p", nil).want(200) },
		"account": func(s *square) {
			s.ann.ask("DELETE", "/api/me", map[string]string{"password": secret}).want(200)
			s.drain()
		},
	}
	act := map[string]func(s *square) *reply{
		"verdict": func(s *square) *reply { return s.decide("ann", "p", toBlock) },
		"appeal": func(s *square) *reply {
			return s.ann.ask("POST", "/api/posts/ann/p/appeal", map[string]string{"why": "please"})
		},
	}
	for gone, remove := range delete {
		for what, do := range act {
			for at := 2; at <= 8; at++ { // the first call finds the session
				s := newSquare(t)
				s.guard.says(undecided)
				s.ann.write("p", "hello").want(201)
				f := &fault{at: at, sort: stall, stalled: make(chan struct{}), resume: make(chan struct{})}
				actor, done := *s.mod, make(chan *reply, 1)
				if what == "appeal" {
					actor = *s.ann
				}
				actor.fault = f
				other := *s
				other.mod, other.ann = &actor, &actor
				go func() { done <- do(&other) }()
				select {
				case <-f.stalled:
				case r := <-done:
					if r.want(200); at < 4 {
						t.Fatalf("the %s reads and writes in less than %d calls", what, at)
					}
					continue
				}
				remove(s)
				close(f.resume)
				if r := <-done; r.status != 404 && r.status != 401 {
					t.Errorf("the %s was deleted, and a %s that stalls at call %d has status %d: %s", gone, what, at, r.status, r.body)
				}
				s.settle()
				for _, key := range s.rows() {
					for _, table := range []string{"/post/ann/", "/case/", "/history/ann/", "/origin/ann/"} {
						if strings.Contains(key, table) {
							t.Errorf("the %s was deleted while a %s stalled at call %d, and there is left: %q", gone, what, at, key)
						}
					}
				}
			}
		}
	}
}

// TestADeletedAccountLeavesNothingOfItsCases, of those that it had, of its reports, and of reports of it.
func TestADeletedAccountLeavesNothingOfItsCases(t *testing.T) {
	s := newSquare(t)
	for i := range 3 * leftAtOnce / 2 {
		s.ann.write(fmt.Sprint("p", i), "hello").want(201)
		s.eve.write(fmt.Sprint("e", i), "hello").want(201)
		s.bob.ask("POST", fmt.Sprint("/api/posts/ann/p", i, "/report"), map[string]string{"why": "spam"}).want(200)
		s.ann.ask("POST", fmt.Sprint("/api/posts/eve/e", i, "/report"), map[string]string{"why": "spam"}).want(200)
	}
	s.settle()
	s.decide("ann", "p0", toBlock).want(200)
	s.ann.ask("POST", "/api/posts/ann/p0/appeal", map[string]string{"why": "please"}).want(200)
	s.guard.says(undecided, abuse.Post)
	s.ann.write("held", "hello").want(201)
	s.ann.ask("DELETE", "/api/posts/ann/p1", nil).want(200)
	s.drain()
	for _, key := range s.rows() {
		if strings.Contains(key, "/report/ann/") && strings.Contains(key, "-"+hash("ann/p1")[:16]+"/") {
			t.Errorf("of a post that was deleted there is left %q", key)
		}
	}
	s.ann.ask("DELETE", "/api/me", map[string]string{"password": secret}).want(200)
	s.settle()
	s.onlyTombstoneOf("ann")
	for _, c := range s.cases() {
		if c.Author != "eve" {
			t.Errorf("a case of %s is left", c.Author)
		}
	}
	s.bob.ask("DELETE", "/api/me", map[string]string{"password": secret}).want(200)
	s.settle()
	s.onlyTombstoneOf("bob")
	s.mod.ask("GET", "/api/posts/eve/e1/history", nil).want(200, `"lines":[]`)
}

// TestHowLongCasesWaitIsMeasured, from the oldest of all partitions.
func TestHowLongCasesWaitIsMeasured(t *testing.T) {
	s := newSquare(t)
	oldest := func() float64 {
		s.pinboard.watchCases(t.Context())
		return metricstest.Sum(t, s.registry, "picloud_pinboard_oldest_case_seconds")
	}
	if got := oldest(); got != 0 {
		t.Errorf("without a case: %v s", got)
	}
	for i, p := range []*person{s.ann, s.bob, s.eve} {
		n := &post{ID: "p", At: now()}
		place := newPlace(n.At, p.name, n.ID)
		h := s.pinboard.home(p.name)
		opened := h.openCase(place, n, &dossier{Opened: now() - int64(i)*int64(time.Hour/time.Millisecond)})
		if _, err := s.store.Txn(t.Context(), &api.Txn{Then: []api.Op{opened, put(h.post(place), n, 0)}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := oldest(); got < 2*3600 {
		t.Errorf("two hours are %v s", got)
	}
}

// stalling runs the job of a kind that waits, up to some call of the store, and returns what lets it go on. It is nil if the job
// has ended before.
func (s *square) stalling(kind string, at int) (goOn func()) {
	s.t.Helper()
	for _, j := range s.waiting() {
		if j.run.Job.Kind != kind {
			continue
		}
		f := &fault{at: at, sort: stall, stalled: make(chan struct{}), resume: make(chan struct{})}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = s.do(f.in(s.t.Context()), &j)
		}()
		select {
		case <-f.stalled:
			return func() { close(f.resume); <-ended }
		case <-ended:
			return nil
		}
	}
	s.t.Fatalf("no job %s waits", kind)
	return nil
}

// TestAReportThatComesTooLateIsNone: the run stalls, is taken for dead, and who has reported leaves; or the author does.
func TestAReportThatComesTooLateIsNone(t *testing.T) {
	for at := 1; at <= 4; at++ {
		for _, who := range []string{"eve", "ann"} {
			s := newSquare(t)
			s.ann.write("p", "hello").want(201)
			s.drain()
			s.eve.ask("POST", "/api/posts/ann/p/report", map[string]string{"why": "spam"}).want(200)
			goOn := s.stalling(kindReport, at)
			if goOn == nil {
				t.Fatalf("a report takes less than %d calls", at)
			}
			leaves := map[string]*person{"eve": s.eve, "ann": s.ann}[who]
			leaves.ask("DELETE", "/api/me", map[string]string{"password": secret}).want(200)
			s.drain()
			goOn()
			s.drain()
			s.onlyTombstoneOf(who)
			if got := len(s.cases()); got > 0 && who == "ann" {
				t.Errorf("stalled at call %d: a case of nobody", at)
			}
		}
	}
}

// TestWhoTakesBackAReportUndoesNoVerdict: it writes the post, as it is.
func TestWhoTakesBackAReportUndoesNoVerdict(t *testing.T) {
	for at := 1; at <= 5; at++ {
		s := newSquare(t)
		s.ann.write("p", "hello").want(201)
		s.eve.ask("POST", "/api/posts/ann/p/report", map[string]string{"why": "spam"}).want(200)
		s.drain()
		s.eve.ask("DELETE", "/api/me", map[string]string{"password": secret}).want(200)
		goOn := s.stalling(kindDelete, at)
		s.decide("ann", "p", toBlock).want(200)
		if goOn != nil {
			goOn()
		}
		s.drain()
		s.onlyTombstoneOf("eve")
		s.bob.ask("GET", "/api/posts/ann/p", nil).want(404)
	}
}

// TestAVerdictThatIsRepeatedEndsNoLaterCase: its answer was lost, and the author has asked for a moderator meanwhile.
func TestAVerdictThatIsRepeatedEndsNoLaterCase(t *testing.T) {
	s := newSquare(t)
	s.ann.write("p", "hello").want(201)
	s.decide("ann", "p", toBlock).want(200)
	appeal := func() { s.ann.ask("POST", "/api/posts/ann/p/appeal", map[string]string{"why": "it is mine"}).want(200) }
	appeal()
	opened := s.cases()[0].Opened
	for range 2 {
		s.decide("ann", "p", toBlock, "opened_ms", opened).want(200)
		if got := s.cases(); len(got) != 0 {
			t.Fatalf("a verdict has not ended %+v", got[0])
		}
	}
	for now() == opened {
		time.Sleep(time.Millisecond)
	}
	appeal()
	s.decide("ann", "p", toBlock, "opened_ms", opened).want(200)
	s.decide("ann", "p", toAllow, "opened_ms", opened).want(200, `"state":"blocked"`)
	if got := s.cases(); len(got) != 1 || got[0].Appeal != "it is mine" {
		t.Errorf("cases: %+v", got)
	}
}

// TestAVerdictOfACaseThatHasEndedTeachesNothing: a moderator has had an old page open, and another one has allowed the post.
func TestAVerdictOfACaseThatHasEndedTeachesNothing(t *testing.T) {
	s := newSquare(t)
	s.ann.write("p", "see http://good.example/x").want(201)
	s.bob.ask("POST", "/api/posts/ann/p/report", map[string]string{"why": "I do not like it"}).want(200)
	s.drain()
	opened := s.cases()[0].Opened
	s.decide("ann", "p", toAllow, "opened_ms", opened).want(200)
	s.decide("ann", "p", toBlock, "opened_ms", opened, "list", []string{"links"}, "label", spam).want(200)
	s.ann.write("again", "see http://good.example/x").want(201)
	for _, id := range []string{"p", "again"} {
		s.bob.ask("GET", "/api/posts/ann/"+id, nil).want(200)
	}
}

// TestUnavailableMeansThatNothingWasDone: clients believe that.
func TestUnavailableMeansThatNothingWasDone(t *testing.T) {
	for at := 1; ; at++ {
		s := newSquare(t)
		s.ann.write("p", "see http://bad.example/x").want(201)
		s.mod.fault = &fault{at: at, sort: refusal}
		got := s.decide("ann", "p", toBlock, "list", []string{"links"})
		blocked := strings.Contains(string(s.ann.ask("GET", "/api/posts/ann/p", nil).body), `"state":"blocked"`)
		switch {
		case got.status == 503 && blocked:
			t.Errorf("without call %d: %s", at, got.body)
		case got.status == 200 && !blocked:
			t.Errorf("without call %d it was not done", at)
		}
		if s.mod.fault.calls < at {
			return
		}
	}
}
