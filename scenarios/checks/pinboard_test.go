package checks

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// use makes an operation from a line: FROM TO OUTCOME ACTION KEY and then by=USER as=USER id=ID seen=A,B count=N status=N fresh again
// age=N more sort=SORT spam tags=A,B state=STATE held=A,B found=A,B refused wrong=POST, times in seconds.
func use(t *testing.T, line string) history.Operation {
	t.Helper()
	f := strings.Fields(line)
	at := func(text string) time.Duration {
		d, err := time.ParseDuration(text + "s")
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		return d
	}
	o := history.Operation{Kind: history.Use, Call: at(f[0]), Return: at(f[1]), Outcome: history.Outcome(f[2]), Key: f[4],
		Use: &history.Visit{Action: f[3], Status: 200, User: f[4]}}
	for _, word := range f[5:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "by":
			o.Use.User = value
		case "as":
			o.Use.As = value
		case "id":
			o.Use.ID = value
		case "seen":
			o.Use.Seen = strings.Split(value, ",")
		case "count":
			o.Use.Count = int(at(value) / time.Second)
		case "status":
			o.Use.Status = int(at(value) / time.Second)
		case "age":
			o.Use.Age = at(value)
		case "fresh":
			o.Use.Fresh = true
		case "again":
			o.Use.Again = true
		case "more":
			o.Use.More = true
		case "sort":
			o.Use.Sort = value
		case "spam":
			o.Use.Spam = true
		case "tags":
			o.Use.Tags = strings.Split(value, ",")
		case "state":
			o.Use.State = value
		case "held":
			o.Use.Held = strings.Split(value, ",")
		case "found":
			o.Use.Found = strings.Split(value, ",")
		case "refused":
			o.Use.Refused = true
		case "wrong":
			o.Use.Wrong = []string{value + ": its text is another one"}
		default:
			t.Fatalf("%q: what is %s", line, word)
		}
	}
	return o
}

// TestPinboardIsJudged tells for each story what the checks say. Time 90 is the end, and answers may be 2 s old.
func TestPinboardIsJudged(t *testing.T) {
	const final, bound = 90 * time.Second, 2 * time.Second
	judges := map[string]func(history.History) reports.Check{
		"sessions": func(h history.History) reports.Check { return Sessions(h, 1) },
		"bounded":  func(h history.History) reports.Check { return Bounded(h, bound, true, 1) },
		"kept":     func(h history.History) reports.Check { return Kept(h, final, 1) },
		"jobs":     func(h history.History) reports.Check { return Jobs(h, final, 10*time.Second, 1) },
	}
	const ann = "1 2 ok register ann\n3 3 ok mail ann id=m1\n"
	const bob = "1 2 ok register bob\n3 3 ok mail bob id=m2\n"
	const (
		photo = "10 11 ok photo ann id=p\n"
		large = "93 94 ok picture ann by=bob id=p:photo seen=ann/p:photo fresh\n"
		small = "93 94 ok picture ann by=bob id=p:thumb seen=ann/p:thumb fresh\n"
		lost  = "93 94 ok picture ann by=bob id=p:photo fresh status=404\n"
	)
	for _, c := range []struct{ judge, story, want string }{
		{"sessions", ann + "5 6 ok timeline ann as=ann", "pass"},
		{"sessions", ann + "5 6 ok timeline ann as=bob", "answered as bob"},
		{"sessions", ann + "5 6 ok timeline ann", "inconclusive"},
		{"sessions", ann + "5 6 ok timeline ann as=ann\n7 8 failed stuff ann by= status=401 sort=stuffing", "pass"},
		{"sessions", ann + "5 6 ok timeline ann as=ann\n7 8 ok stuff ann by= sort=stuffing", "the account of ann was taken over"},

		{"bounded", ann + "10 11 ok post ann id=p\n 14 15 ok profile ann seen=p by=bob", "pass"},
		{"bounded", ann + "10 11 ok post ann id=p\n 12.9 13 ok profile ann", "pass"},
		{"bounded", ann + "10 11 ok post ann id=p\n 13.1 13.2 ok profile ann", "a post is missing"},
		{"bounded", ann + "10 11 unknown post ann id=p\n 15 16 ok profile ann", "pass"},
		{"bounded", ann + "10 11 ok post ann id=p\n 15 16 ok profile ann more", "pass"},
		{"bounded", ann + "10 11 failed post ann id=p\n 15 16 ok profile ann seen=p", "was refused"},
		{"bounded", ann + "20 21 ok post ann id=p\n 15 16 ok profile ann seen=p", "before it was made"},
		{"bounded", ann + "10 11 ok post ann id=p\n 15 16 ok profile ann seen=p,q", "a post is listed that ann never made: q"},
		{"bounded", ann + bob + "10 11 ok post bob id=q\n 15 16 ok profile ann seen=q", "a post is listed that ann never made: q"},
		{"bounded", ann + "15 16 ok profile ann status=404", "the account was there"},
		{"bounded", ann + "3 3.5 ok profile ann status=404", "pass"},
		{"bounded", ann + "10 11 ok leave ann\n12 13 ok profile ann", "pass"},
		{"bounded", ann + "10 11 ok leave ann\n13.1 14 ok profile ann", "the account was gone"},
		{"bounded", ann + "10 11 ok leave ann\n10.5 14 ok profile ann status=404", "pass"},
		{"bounded", ann + "10 11 ok profile ann age=2.1", "2.1s old"},
		{"bounded", ann + "10 11 ok post ann id=p\n 20 21 ok leave ann\n19.5 24 ok profile ann", "pass"}, // each part as of an instant of its own
		{"bounded", ann + "10 11 ok post ann id=p\n 20 21 ok leave ann\n18 19.9 ok profile ann", "a post is missing"},
		{"bounded", ann + "10 11 ok post ann id=p\n 20 21 failed leave ann\n19.5 24 ok profile ann", "a post is missing"},
		{"kept", ann + "10 11 ok post ann id=p\n 20 21 unknown leave ann\n 91 92 ok profile ann fresh", "a post is missing"},

		{"kept", ann + "10 11 ok post ann id=p\n 91 92 ok profile ann seen=p fresh", "pass"},
		{"kept", ann + "10 11 ok post ann id=p\n 91 92 ok profile ann fresh", "a post is missing"},
		{"kept", ann + "10 11 ok post ann id=p\n 91 92 ok profile ann seen=p,q fresh", "a post is listed that ann never made: q"},
		{"kept", ann + "10 11 ok post ann id=p\n 91 92 ok profile ann", "nobody read the profile of ann"},
		{"kept", ann + "10 11 ok post ann id=p\n 91 92 failed profile ann fresh", "nobody read the profile of ann"},
		{"kept", ann + "10 11 ok post ann id=p\n 91 92 ok profile ann status=404 fresh", "the account was there"},
		{"kept", ann + "10 11 ok post ann id=p\n20 21 ok leave ann\n91 92 ok profile ann seen=p fresh", "the account was gone"},
		{"kept", ann + "95 96 ok register bob\n10 11 ok post ann id=p\n 91 92 ok profile ann seen=p fresh", "pass"},
		{"kept", ann + "10 11 unknown post ann id=p\n 91 92 ok profile ann fresh", "inconclusive"},
		{"kept", ann + photo + "91 92 ok profile ann by=bob seen=p:photo:thumb fresh\n" + large + small, "1 accounts are there, and 2 of their pictures"},
		{"kept", ann + photo + "91 92 ok profile ann by=bob seen=p:photo fresh\n" + large, "pass"},
		{"kept", ann + photo + "91 92 ok profile ann by=bob seen=p:photo:thumb fresh\n" + large, "nobody opened the thumb of ann/p"},
		{"kept", ann + photo + "91 92 ok profile ann by=bob seen=p:photo fresh", "nobody opened the photo of ann/p"},
		{"kept", ann + photo + "91 92 ok profile ann by=bob seen=p:photo fresh\n93 94 failed picture ann by=bob id=p:photo fresh", "nobody opened the photo of ann/p"},
		{"kept", ann + photo + "91 92 ok profile ann by=bob seen=p:photo fresh\n93 94 ok picture ann by=bob id=p:photo", "nobody opened the photo of ann/p"},
		{"kept", ann + photo + "91 92 ok profile ann by=bob seen=p:photo fresh\n" + lost, "ann/p at the end: its photo is gone"},
		{"kept", ann + photo + "91 92 ok profile ann by=bob seen=p:photo:thumb fresh\n" + large + "93 94 ok picture ann by=bob id=p:thumb fresh status=404", "ann/p at the end: its thumb is gone"},
		{"kept", ann + photo + "91 92 ok profile ann by=bob seen=p fresh", "ann/p at the end: it is listed without its photo"},
		{"kept", ann + photo + "91 92 ok profile ann by=bob seen=p:photo fresh\n" + lost + "92.5 95 unknown leave ann", "pass"},
		{"kept", ann + photo + "91 92 ok profile ann by=bob seen=p:photo fresh\n" + lost + "92.5 95 ok block ann id=p by=mod sort=moderator", "pass"},
		{"kept", ann + photo + "91 92 ok profile ann by=bob seen=p:photo fresh\n" + lost + "96 97 ok leave ann", "its photo is gone"},
		{"kept", ann + photo + "50 51 ok picture ann by=bob id=p:photo status=404\n91 92 ok profile ann by=bob seen=p:photo fresh\n" + large, "pass"},
		{"kept", ann + "10 11 ok post ann id=p\n20 21 ok timeline bob seen=ann/p wrong=ann/p\n91 92 ok profile ann seen=p fresh", "ann/p is shown otherwise than it was posted: its text is another one"},
		{"kept", ann + "10 11 ok post ann id=p\n20 21 failed timeline bob seen=ann/p wrong=ann/p\n91 92 ok profile ann seen=p fresh", "ann/p is shown otherwise"},
		{"kept", ann + "10 11 ok post ann id=p\n20 21 ok timeline bob seen=eve/z wrong=eve/z\n91 92 ok profile ann seen=p fresh", "eve/z is shown otherwise"},

		{"jobs", ann, "pass"},
		{"jobs", "1 2 ok register ann", "ann got no mail"},
		{"jobs", "1 2 ok register ann\n3 4 ok leave ann\n" + bob, "pass"},
		{"jobs", ann + "4 4 ok mail ann id=m1", "pass"},
		{"jobs", "1 2 ok register ann\n3 4 ok leave ann\n" + bob, "pass"},
		{"jobs", ann + "4 4 ok mail ann id=m3", "ann got 2 mails"},
		{"jobs", "1 2 failed register ann\n3 3 ok mail ann id=m1", "has not registered"},
		{"jobs", "1 2 unknown register ann\n3 3 ok mail ann id=m1\n" + bob, "pass"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n7 8 ok post ann id=p\n91 92 ok timeline bob fresh seen=ann/p", "pass"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n7 8 ok post ann id=p\n91 92 ok timeline bob fresh", "ann/p is missing"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n7 8 ok post ann id=p\n91 92 ok timeline bob fresh seen=ann/p,ann/p", "stands twice"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n7 8 ok post ann id=p\n91 92 ok timeline bob fresh seen=ann/q,ann/p", "ann/q stands in the timeline of bob, and ann never made it"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n7 8 failed post ann id=p\n91 92 ok timeline bob fresh seen=ann/p", "ann never made it"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n7 8 unknown post ann id=p\n91 92 ok timeline bob fresh seen=ann/p", "pass"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n7 8 ok post ann id=p\n9 10 ok unfollow ann by=bob\n91 92 ok timeline bob fresh", "pass"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n7 8 ok post ann id=p\n9 10 ok unfollow ann by=bob\n91 92 ok timeline bob fresh seen=ann/p", "bob does not follow ann"},
		{"jobs", ann + bob + "7 8 ok post ann id=p\n91 92 ok timeline bob fresh seen=ann/p", "bob does not follow ann"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n7 8 ok post ann id=p\n85 86 ok unfollow ann by=bob\n91 92 ok timeline bob fresh seen=ann/p", "pass"},
		{"jobs", ann + bob + "7 8 ok post ann id=p\n85 86 ok follow ann by=bob\n91 92 ok timeline bob fresh seen=ann/p", "pass"},
		{"jobs", ann + bob + "3 4 ok post ann id=p\n5 6 ok follow ann by=bob\n91 92 ok timeline bob fresh seen=ann/p", "pass"},
		{"jobs", ann + bob + "3 4 ok post ann id=p\n5 6 ok follow ann by=bob\n91 92 ok timeline bob fresh", "ann/p is missing"},
		{"jobs", ann + bob + "3 4 ok post ann id=p\n85 86 ok follow ann by=bob\n91 92 ok timeline bob fresh", "pass"},
		{"jobs", ann + bob + "3 4 ok post ann id=p\n" + strings.Repeat("4 4.5 unknown post ann id=q\n", 20) + "5 6 ok follow ann by=bob\n91 92 ok timeline bob fresh", "pass"},
		{"jobs", ann + bob + "5 7.5 ok follow ann by=bob\n7 8 ok post ann id=p\n91 92 ok timeline bob fresh", "pass"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n6 7 unknown unfollow ann by=bob\n7 8 ok post ann id=p\n91 92 ok timeline bob fresh", "pass"},
		{"jobs", ann + "7 8 ok post ann id=p\n91 92 ok timeline ann fresh", "ann/p is missing"},
		{"jobs", ann + "7 8 ok post ann id=p\n" + many(0, longest) + "91 92 ok timeline ann fresh seen=" + listing(0, longest), "pass"}, // it keeps no more
		{"jobs", ann + "7 8 ok post ann id=p\n" + many(0, longest) + "91 92 ok timeline ann fresh seen=" + listing(1, longest), "ann/p is missing"},
		{"jobs", ann + "7 8 ok post ann id=p\n" + many(0, longest+1) + "91 92 ok timeline ann fresh seen=" + listing(0, longest), fmt.Sprintf("ann/q%d is missing", longest)},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n7 8 ok post ann id=p\n9 10 ok leave ann\n91 92 ok timeline bob fresh seen=ann/p", "ann has left"},
		{"jobs", ann + "7 8 ok photo ann id=p\n91 92 ok profile ann fresh seen=p:photo:thumb", "pass"},
		{"jobs", ann + "7 8 ok photo ann id=p\n91 92 ok profile ann fresh seen=p:photo", "no thumbnail"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n91 92 ok profile ann fresh count=1", "pass"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n91 92 ok profile ann fresh count=2", "1 to 1 follow"},
		{"jobs", ann + bob + "5 6 unknown follow ann by=bob\n7 8 ok unfollow ann by=bob\n91 92 ok profile ann fresh count=1", "pass"}, // which came late
		{"jobs", ann + bob + "5 6 ok follow ann by=bob again\n7 8 ok unfollow ann by=bob\n91 92 ok profile ann fresh count=1", "pass"},
		{"jobs", ann + bob + "5 6 unknown unfollow ann by=bob\n7 8 ok follow ann by=bob\n91 92 ok profile ann fresh", "pass"},
		{"jobs", ann + bob + "5 6 ok unfollow ann by=bob again\n7 8 ok follow ann by=bob\n91 92 ok profile ann fresh", "pass"},
		{"jobs", "1 2 unknown register ann\n4 5 failed register ann status=403\n3 3 ok mail ann id=m1\n" + bob, "pass"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob status=404\n91 92 ok profile ann fresh count=1", "0 to 0 follow"},
		{"jobs", ann + bob + "5 6 unknown follow ann by=bob status=404\n91 92 ok profile ann fresh count=1", "pass"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n91 92 ok profile ann fresh", "1 to 1 follow"},
		{"jobs", ann + bob + "85 86 ok follow ann by=bob\n91 92 ok profile ann fresh", "pass"},
		{"jobs", ann + bob + "85 86 ok follow ann by=bob\n91 92 ok profile ann fresh count=1", "pass"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n85 86 ok unfollow ann by=bob\n91 92 ok profile ann fresh count=1", "pass"},
		{"jobs", ann + bob + "93 94 ok follow ann by=bob\n91 92 ok profile ann fresh count=1", "0 to 0 follow"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob status=404\n91 92 ok profile ann fresh", "pass"},
		{"jobs", ann + "85 86 ok photo ann id=p\n91 92 ok profile ann fresh seen=p:photo", "pass"},
		{"jobs", ann + bob + "5 6 unknown follow ann by=bob\n91 92 ok profile ann fresh count=1", "pass"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n7 8 ok unfollow ann by=bob\n91 92 ok profile ann fresh count=1", "0 to 0 follow"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n7 8 ok leave bob\n91 92 ok profile ann fresh count=0", "pass"},
	} {
		judged(t, judges, c.judge, c.story, c.want)
	}
}

// judged says that what a check says of a story has a text in it, or that it passes.
func judged(t *testing.T, judges map[string]func(history.History) reports.Check, judge, story, want string) {
	t.Helper()
	var h history.History
	for line := range strings.Lines(story) {
		h = append(h, use(t, line))
	}
	h.Sort()
	got := judges[judge](h)
	if !strings.Contains(string(got.Status)+" "+got.Detail, want) || want == "pass" && got.Status != reports.Pass {
		t.Errorf("%s of\n%s\nis %s: %s; it should say %q", judge, story, got.Status, got.Detail, want)
	}
}

// many makes stories of posts, one after the other.
func many(from, to int) string {
	var b strings.Builder
	for n := from; n < to; n++ {
		fmt.Fprintf(&b, "%d.%03d %d.%03d ok post ann id=q%d\n", 9+n/1000, n%1000, 9+(n+1)/1000, (n+1)%1000, n)
	}
	return b.String()
}

// listing lists them as a timeline does, the last first.
func listing(from, to int) string {
	var all []string
	for n := to - 1; n >= from; n-- {
		all = append(all, fmt.Sprintf("ann/q%d", n))
	}
	return strings.Join(all, ",")
}
