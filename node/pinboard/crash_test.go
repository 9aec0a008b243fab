package pinboard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"picloud/node/abuse"
)

// town is a few users who do this and that while calls of the store fail, jobs end in the middle and are run twice, and some
// runs stall, are taken for dead, and go on when others have done their jobs. It knows what there must be in the end.
type town struct {
	*lab
	people  []*person
	left    map[string]bool
	posts   map[string][]string // by author: IDs
	follows map[[2]string]bool
	mod     *person
	blocked map[string]bool    // AUTHOR/ID, by a verdict
	reports map[[2]string]bool // by who reports and AUTHOR/ID
	asleep  []*sleeper
	n       int
}

// sleeper is a run of a job that stalls.
type sleeper struct {
	fault *fault
	ended chan struct{}
}

func newTown(t *testing.T) *town {
	w := &town{lab: newLabWith(t, map[string]string{"abuse": "on", "moderators": "mod"}), left: map[string]bool{}, posts: map[string][]string{},
		follows: map[[2]string]bool{}, blocked: map[string]bool{}, reports: map[[2]string]bool{}}
	w.pinboard.options.mail = ""
	w.mod = w.register("mod")
	known := map[string]bool{}
	w.guard.decide = func(e *abuse.Event) abuse.Verdict { // of three posts one is undecided at first
		if strings.HasSuffix(e.Text, "0") && !known[e.Text] {
			known[e.Text] = true
			return undecided
		}
		return allows
	}
	for _, name := range []string{"ann", "bob", "cid", "dan"} {
		w.people = append(w.people, w.register(name))
	}
	return w
}

func drawFault(t *rapid.T) *fault {
	return &fault{at: rapid.IntRange(1, 9).Draw(t, "call"), sort: rapid.SampledFrom([]string{lostRequest, lostReply, refusal}).Draw(t, "fault")}
}

// someone returns who is there still.
func (w *town) someone(t *rapid.T, what string) *person {
	var there []*person
	for _, p := range w.people {
		if !w.left[p.name] {
			there = append(there, p)
		}
	}
	return rapid.SampledFrom(there).Draw(t, what)
}

// insist sends a request until it is answered with something that will not change. The first attempt meets a fault.
func (w *town) insist(t *rapid.T, p *person, method, path string, body any) *reply {
	p.fault = drawFault(t)
	r := p.ask(method, path, body)
	for p.fault = nil; r.status >= 500; {
		r = p.ask(method, path, body)
	}
	return r
}

func (w *town) post(t *rapid.T) {
	p := w.someone(t, "author")
	if len(w.posts[p.name]) == backfill {
		return // more are not brought along by who is followed
	}
	w.n++
	d := draft{ID: fmt.Sprint("id-", w.n), Text: fmt.Sprintf("text %d %d", w.n, w.n%3)}
	w.insist(t, p, "POST", "/api/posts", d).want(201, d.ID)
	w.posts[p.name] = append(w.posts[p.name], d.ID)
}

func (w *town) takeBack(t *rapid.T) {
	p := w.someone(t, "author")
	if len(w.posts[p.name]) == 0 {
		return
	}
	id := rapid.SampledFrom(w.posts[p.name]).Draw(t, "id")
	w.insist(t, p, "DELETE", "/api/posts/"+p.name+"/"+id, nil).want(200)
	w.posts[p.name] = slices.DeleteFunc(w.posts[p.name], func(other string) bool { return id == other })
}

func (w *town) relate(t *rapid.T) {
	p, other, method := w.someone(t, "who"), w.someone(t, "whom"), rapid.SampledFrom([]string{"PUT", "PUT", "DELETE"}).Draw(t, "method")
	if p == other {
		return
	}
	w.insist(t, p, method, "/api/follows/"+other.name, nil).want(200)
	w.follows[[2]string{p.name, other.name}] = method == "PUT"
}

// any returns a post of somebody who is there.
func (w *town) any(t *rapid.T) (author, id string) {
	p := w.someone(t, "author")
	if len(w.posts[p.name]) == 0 {
		t.Skip("there is no post")
	}
	return p.name, rapid.SampledFrom(w.posts[p.name]).Draw(t, "id")
}

func (w *town) judge(t *rapid.T) {
	author, id := w.any(t)
	what := rapid.SampledFrom([]string{toBlock, toBlock, toAllow}).Draw(t, "verdict")
	w.insist(t, w.mod, "PUT", "/api/posts/"+author+"/"+id+"/verdict", map[string]string{"verdict": what}).want(200)
	w.blocked[author+"/"+id] = what == toBlock
}

func (w *town) report(t *rapid.T) {
	author, id := w.any(t)
	p := w.someone(t, "who")
	r := w.insist(t, p, "POST", "/api/posts/"+author+"/"+id+"/report", map[string]string{"why": "spam"})
	if r.status == 404 && p.name != author { // it is held or blocked
		return
	}
	r.want(200)
	w.reports[[2]string{p.name, author + "/" + id}] = true
}

func (w *town) appeal(t *rapid.T) {
	author, id := w.any(t)
	if !w.blocked[author+"/"+id] {
		t.Skip("it is not blocked")
	}
	i := slices.IndexFunc(w.people, func(p *person) bool { return p.name == author })
	w.insist(t, w.people[i], "POST", "/api/posts/"+author+"/"+id+"/appeal", map[string]string{"why": "please"}).want(200)
}

// goOn lets time go on, so that reviews begin.
func (w *town) goOn(*rapid.T) { w.store.Tick(reviewAfter) }

// wrongReports returns which reports are other than they must be: those of posts that are there, by people who are, lie on
// both sides.
func (w *town) wrongReports() (wrong []string) {
	var want, got []string
	for r := range w.reports {
		author, id, _ := strings.Cut(r[1], "/")
		if !w.left[r[0]] && !w.left[author] && slices.Contains(w.posts[author], id) {
			of := fmt.Sprintf("%s of %s by %s", hash(r[1])[:16], author, r[0])
			want = append(want, "report "+of, "reported "+of)
		}
	}
	for _, key := range w.rows() {
		switch parts := strings.Split(key, "/"); parts[1] {
		case "report": // the author, the post's place, and who has reported
			got = append(got, fmt.Sprintf("report %s of %s by %s", parts[3][13:], parts[2], parts[4]))
		case "reported": // who has reported, and the entry
			got = append(got, fmt.Sprintf("reported %s of %s by %s", parts[3][13:placeLength], parts[3][placeLength+1:], parts[2]))
		}
	}
	if !slices.Equal(sorted(got), sorted(want)) {
		wrong = append(wrong, fmt.Sprintf("there are the reports %q, not %q", got, want))
	}
	return wrong
}

func (w *town) leave(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "thinks it over") > 0 || len(w.left) == len(w.people)-1 {
		return
	}
	p := w.someone(t, "who")
	w.insist(t, p, "DELETE", "/api/me", map[string]string{"password": secret}).want(200)
	w.left[p.name] = true
}

// draw returns a job that waits.
func (w *town) draw(t *rapid.T) *waiting {
	jobs := w.waiting()
	if len(jobs) == 0 {
		t.Skip("there is nothing to do")
	}
	return &jobs[rapid.IntRange(0, len(jobs)-1).Draw(t, "job")]
}

func (w *town) work(t *rapid.T) {
	if err := w.do(context.Background(), w.draw(t)); err != nil {
		t.Fatal(err)
	}
}

// crash runs a job, and ends it at some call of the store.
func (w *town) crash(t *rapid.T) {
	j := w.draw(t)
	_ = w.do(drawFault(t).in(context.Background()), j)
}

// fallAsleep runs a job up to some call of the store.
func (w *town) fallAsleep(t *rapid.T) {
	j := w.draw(t)
	s := &sleeper{&fault{at: rapid.IntRange(1, 9).Draw(t, "call"), sort: stall, stalled: make(chan struct{}), resume: make(chan struct{})}, make(chan struct{})}
	go func() {
		defer close(s.ended)
		_ = w.do(s.fault.in(context.Background()), j)
	}()
	select {
	case <-s.fault.stalled:
		w.asleep = append(w.asleep, s)
	case <-s.ended:
	}
}

func (w *town) wakeUp(t *rapid.T) {
	if len(w.asleep) == 0 {
		t.Skip("nobody sleeps")
	}
	i := rapid.IntRange(0, len(w.asleep)-1).Draw(t, "sleeper")
	w.wake(i)
}

func (w *town) wake(i int) {
	s := w.asleep[i]
	w.asleep = slices.Delete(w.asleep, i, i+1)
	close(s.fault.resume)
	<-s.ended
}

// settled lets all jobs end, and returns what there is other than it must be.
func (w *town) settled() (wrong []string) {
	w.drain()
	for len(w.asleep) > 0 {
		w.wake(0)
	}
	w.goOn(nil)
	w.drain()
	wrong = w.wrongReports()
	for _, p := range w.people {
		if w.left[p.name] {
			continue
		}
		var lines, want []string
		for _, s := range p.list("/api/timeline") {
			lines = append(lines, s.Author+" "+s.ID)
		}
		followers := 0
		for _, other := range w.people {
			if !w.left[other.name] && w.follows[[2]string{other.name, p.name}] {
				followers++
			}
			if other == p || w.follows[[2]string{p.name, other.name}] && !w.left[other.name] {
				for _, id := range w.posts[other.name] {
					if other == p || !w.blocked[other.name+"/"+id] {
						want = append(want, other.name+" "+id)
					}
				}
			}
		}
		if !slices.Equal(sorted(lines), sorted(want)) {
			wrong = append(wrong, fmt.Sprintf("%s sees %q, not %q", p.name, lines, want))
		}
		var shown profile
		p.ask("GET", "/api/users/"+p.name, nil).want(200).into(&shown)
		if shown.Followers != followers {
			wrong = append(wrong, fmt.Sprintf("%s has %d followers, not %d", p.name, shown.Followers, followers))
		}
	}
	for _, key := range w.rows() {
		for name := range w.left {
			if strings.Contains(key, name) && key != w.pinboard.home(name).user() {
				wrong = append(wrong, fmt.Sprintf("of %s there is left: %q", name, key))
			}
		}
	}
	return wrong
}

func TestJobsEndInTheSameStateHoweverTheyAreRun(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newTown(t)
		defer func() {
			for len(w.asleep) > 0 {
				w.wake(0)
			}
		}()
		r.Repeat(map[string]func(*rapid.T){
			"post": w.post, "take back": w.takeBack, "relate": w.relate, "relate more": w.relate, "leave": w.leave,
			"judge": w.judge, "report": w.report, "appeal": w.appeal, "go on": w.goOn,
			"work": w.work, "work more": w.work, "crash": w.crash, "fall asleep": w.fallAsleep, "wake up": w.wakeUp,
		})
		if wrong := w.settled(); len(wrong) > 0 {
			r.Fatalf("%s", strings.Join(wrong, "\n"))
		}
	})
}
