package checks

import (
	"testing"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// TestAbuseProtectionIsJudged tells for each story what the checks say. Time 90 is the end, what is blocked is gone after 5 s, and answers
// may be 2 s old.
func TestAbuseProtectionIsJudged(t *testing.T) {
	const final, bound = 90 * time.Second, 2 * time.Second
	judges := map[string]func(history.History) reports.Check{
		"blocked": func(h history.History) reports.Check { return Blocked(h, 5*time.Second, 1) },
		"honest": func(h history.History) reports.Check {
			return Honest(h, Candour{PostsPPM: 750_000, Within: 20 * time.Second, EntriesPPM: 750_000, Minimum: 1})
		},
		"caught": func(h history.History) reports.Check {
			return Caught(h, Vigilance{SharePPM: 300_000, Settle: 2 * time.Second, Recovery: 10 * time.Second, Minimum: 2})
		},
		"bounded": func(h history.History) reports.Check { return Bounded(h, bound, true, 1) },
		"kept":    func(h history.History) reports.Check { return Kept(h, final, 1) },
		"jobs":    func(h history.History) reports.Check { return Jobs(h, final, 10*time.Second, 1) },
	}
	const (
		ann  = "1 2 ok register ann\n3 3 ok mail ann id=m1\n"
		bob  = "1 2 ok register bob\n3 3 ok mail bob id=m2\n"
		spam = "1 2 ok register eve sort=spam-wave\n3 3 ok mail eve id=m3\n10 11 ok post eve id=p spam sort=spam-wave tags=link:x\n"
		// A moderator's words.
		block    = "20 21 ok block eve id=p by=mod sort=moderator\n"
		blockAll = "20 21 ok block eve id=p by=mod sort=moderator tags=link:x\n"
		asked    = "40 41 ok profile eve by=bob\n"
	)
	for _, c := range []struct{ judge, story, want string }{
		{"blocked", spam + block + asked, "pass"},
		{"blocked", spam + block, "inconclusive"},
		{"blocked", spam + block + "25 26 ok profile eve by=bob seen=p", "inconclusive"},
		{"blocked", spam + block + "26.1 27 ok profile eve by=bob seen=p", "bob sees eve/p, which was blocked"},
		{"blocked", spam + block + "26.1 27 ok profile eve by= seen=p", "somebody who is not logged in sees eve/p"},
		{"blocked", spam + block + asked + "26.1 27 ok profile eve by=eve seen=p", "pass"},
		{"blocked", spam + block + asked + "26.1 27 ok profile eve by=mod seen=p sort=moderator", "pass"},
		{"blocked", spam + block + "26.1 27 ok timeline bob by=bob seen=ann/q,eve/p", "bob sees eve/p"},
		{"blocked", spam + block + "26.1 27 ok look eve by=bob id=p status=404", "pass"},
		{"blocked", spam + block + "26.1 27 ok look eve by=bob id=p seen=eve/p", "bob sees eve/p"},
		{"blocked", spam + block + "26.1 27 ok look eve by=bob id=p seen=eve/p:thumb", "bob sees eve/p"},
		{"blocked", spam + block + "26.1 27 ok picture eve by=bob id=/pictures/eve/1 seen=eve/p:photo", "bob sees eve/p"},
		{"blocked", spam + block + asked + "26.1 27 failed look eve by=bob id=p", "pass"},
		{"blocked", spam + block + asked + "26.1 27 failed look eve by=bob id=p seen=eve/p", "bob sees eve/p"}, // and its picture did not come
		{"blocked", spam + "20 21 unknown block eve id=p by=mod sort=moderator\n26.1 27 ok profile eve by=bob seen=p", "inconclusive"},
		{"blocked", spam + "20 21 failed block eve id=p by=mod sort=moderator\n26.1 27 ok profile eve by=bob seen=p", "inconclusive"},
		{"blocked", spam + block + asked + "50 51 ok allow eve id=p by=mod sort=moderator\n60 61 ok profile eve by=bob seen=p", "pass"},
		{"blocked", spam + block + asked + "50 51 unknown allow eve id=p by=mod sort=moderator\n60 61 ok profile eve by=bob seen=p", "pass"},
		{"blocked", spam + block + asked + "50 51 failed allow eve id=p status=403 by=mod sort=moderator\n60 61 ok profile eve by=bob seen=p", "bob sees eve/p"},
		{"blocked", spam + block + asked + "50 51 failed allow eve id=p status=0 by=mod sort=moderator\n60 61 ok profile eve by=bob seen=p", "pass"},
		{"blocked", spam + block + asked + "62 63 ok allow eve id=p by=mod sort=moderator\n60 61 ok profile eve by=bob seen=p", "bob sees eve/p"},
		{"blocked", spam + block + "20.5 21.5 ok allow eve id=p by=mod sort=moderator\n60 61 ok profile eve by=bob seen=p", "inconclusive"},
		{"blocked", spam + "12 13 ok allow eve id=p by=mod sort=moderator\n" + block + "60 61 ok profile eve by=bob seen=p", "bob sees eve/p"},
		{"blocked", spam + blockAll + "30 31 ok post eve id=q spam tags=link:x\n40 41 ok profile eve by=bob seen=q", "eve/q, which was blocked"},
		{"blocked", spam + blockAll + "30 31 ok post eve id=q spam tags=link:y\n40 41 ok profile eve by=bob seen=q", "pass"},
		{"blocked", spam + "20 21 ok list pictures id=00ff tags=picture:3 by=mod sort=moderator\n15 16 ok photo bob id=q tags=picture:3\n40 41 ok timeline ann seen=bob/q", "bob/q, which was blocked"},
		{"blocked", spam + "20 21 ok list pictures id=00ff tags=picture:3 by=mod sort=moderator\n40 41 ok picture bob by=ann id=/pictures/bob/7 seen=bob/z:photo found=picture:3", "picture:3, which was listed"},
		{"blocked", spam + block + asked + "20 21 ok list pictures id=00ff tags=picture:3 by=mod sort=moderator\n25.9 26 ok picture bob by=ann id=/pictures/bob/7 seen=bob/z:photo found=picture:3", "pass"},
		{"blocked", spam + block + asked + "12 13 failed post eve id=r spam refused\n14 15 ok profile eve by=eve seen=r", "eve/r, which was refused"},
		{"blocked", spam + block + asked + "12 13 unknown post eve id=r spam refused\n14 15 ok profile eve by=bob seen=r", "pass"},

		{"honest", ann + "10 11 ok post ann id=p", "pass"},
		{"honest", ann, "inconclusive"},
		{"honest", "10 11 ok post ann id=p", "inconclusive"},
		{"honest", ann + "10 11 failed post ann id=p status=403 refused\n70 71 ok timeline ann", "posts of honest people are held or refused"},
		{"honest", ann + "10 11 unknown post ann id=p refused\n70 71 ok timeline ann", "posts of honest people are held or refused"},
		{"honest", ann + "10 11 failed post ann id=q\n10 11 ok post ann id=p", "pass"},
		{"honest", ann + "10 11 ok post ann id=p state=held\n70 71 ok timeline ann", "posts of honest people are held or refused"},
		{"honest", ann + "10 11 ok post ann id=p state=held\n25 26 ok timeline ann", "inconclusive"},
		{"honest", ann + "10 11 ok post ann id=p state=held\n25 26 ok allow ann id=p by=mod sort=moderator\n70 71 ok timeline ann", "pass"},
		{"honest", ann + "10 11 ok post ann id=p state=held\n32 33 ok allow ann id=p by=mod sort=moderator\n70 71 ok timeline ann", "held or refused"},
		{"honest", ann + "10 11 ok post ann id=p state=held\n25 26 ok profile ann by=bob seen=p\n70 71 ok timeline ann", "pass"},
		{"honest", ann + "10 11 ok post ann id=p state=held\n25 26 ok profile ann by=ann seen=p held=p\n70 71 ok timeline ann", "held or refused"},
		{"honest", ann + "10 11 ok post ann id=p state=held\n25 26 ok profile ann by=mod seen=p sort=moderator\n70 71 ok timeline ann", "held or refused"},
		{"honest", ann + "10 11 ok post ann id=p state=held\n25 26 ok timeline ann by=ann seen=ann/p\n70 71 ok timeline ann", "pass"},
		{"honest", ann + "10 11 ok post ann id=p\n12 13 failed post eve id=s spam sort=spam-wave refused\n12 13 failed register eve sort=spam-wave refused", "pass"},
		{"honest", ann + "10 11 ok post ann id=p\n12 13 failed login ann status=429 refused", "registrations and logins of honest people are refused"},
		{"honest", ann + "10 11 ok post ann id=p\n12 13 failed login ann status=401", "registrations and logins of honest people are refused"},
		{"honest", ann + "10 11 ok post ann id=p\n12 13 failed login ann", "pass"},
		{"honest", ann + bob + "1 2 ok register cat\n10 11 ok post ann id=p\n12 13 failed register dan sort=flash-crowd refused", "registrations and logins of the flash crowd are refused"},
		{"honest", ann + "10 11 ok post ann id=p\n10 11 ok post ann id=q\n10 11 ok post ann id=r\n12 13 failed post dan id=s sort=flash-crowd refused", "posts of the flash crowd are held or refused"},

		{"caught", taught + kept + kept + kept, "pass"},
		{"caught", kept + kept + kept, "inconclusive"},
		{"caught", taught + kept, "inconclusive"},
		{"caught", taught + kept + seen, "others may see 300000 ppm at most"},
		{"caught", taught + kept + held + "60 61 ok timeline bob seen=eve/h", "others may see"},
		{"caught", taught + kept + held + "60 61 ok timeline eve seen=eve/h held=h", "pass"},
		{"caught", taught + kept + kept + "41 42 unknown post eve id=u spam sort=spam-wave\n60 61 ok timeline bob seen=eve/u", "others may see"},
		{"caught", taught + kept + kept + "41 42 unknown post eve id=u spam sort=spam-wave\n42 43 failed post eve id=v spam sort=spam-wave", "2 of 2 posts"},
		{"caught", taught + kept + kept + "7 8 ok post eve id=a spam sort=spam-wave", "2 of 2 posts"},
		{"caught", taught + kept + kept + "47 48 ok post eve id=a spam sort=bad-pictures", "2 of 2 posts"},
		{"caught", taught + lies + kept + kept + "80 81 failed post eve id=b spam sort=spam-wave refused", "pass"},
		{"caught", taught + lies + kept + kept, "inconclusive"},
		{"caught", taught + lies + kept + kept + "55 56 ok post eve id=a spam sort=spam-wave\n80 81 failed post eve id=b spam sort=spam-wave refused", "pass"},
		{"caught", taught + lies + kept + kept + "80 81 ok post eve id=b spam sort=spam-wave", "after the feed was cut off 0 of 1"},

		{"bounded", ann + "10 11 ok post ann id=p state=held\n20 21 ok profile ann by=bob", "pass"},
		{"bounded", ann + "10 11 ok post ann id=p state=held\n20 21 ok profile ann by=ann", "a post is missing"},
		{"bounded", ann + "10 11 ok post ann id=p state=held\n12 13 ok allow ann id=p by=mod sort=moderator\n20 21 ok profile ann by=bob", "a post is missing"},
		{"bounded", ann + "10 11 ok post ann id=p state=held\n12 13 unknown allow ann id=p by=mod sort=moderator\n20 21 ok profile ann by=bob", "pass"},
		{"bounded", ann + "10 11 ok post ann id=p\n20.5 22 unknown block ann id=p by=mod sort=moderator\n20 21 ok profile ann by=bob", "pass"},
		{"bounded", ann + "10 11 ok post ann id=p\n21.5 22 ok block ann id=p by=mod sort=moderator\n20 21 ok profile ann by=bob", "a post is missing"},
		{"bounded", ann + "10 11 ok post ann id=p\n12 13 ok block ann id=p by=mod sort=moderator\n14 15 ok allow ann id=p by=mod sort=moderator\n20 21 ok profile ann by=bob", "a post is missing"},
		{"bounded", ann + "10 11 ok post ann id=p\n12 13 ok block ann id=p by=mod sort=moderator\n12.5 15 ok allow ann id=p by=mod sort=moderator\n20 21 ok profile ann by=bob", "pass"},
		{"bounded", ann + "10 11 ok photo ann id=p\n20 21 ok profile ann by=bob", "pass"},
		{"bounded", ann + "10 11 ok photo ann id=p\n20 21 ok profile ann by=ann", "a post is missing"},
		{"bounded", ann + "10 11 ok post ann id=p tags=link:good\n20 21 ok profile ann by=bob", "pass"},

		{"kept", ann + "10 11 ok photo ann id=p\n10 11 ok post ann id=q\n91 92 ok profile ann by=bob seen=q fresh", "a post is missing"},
		{"kept", ann + "10 11 ok post ann id=p state=held\n10 11 ok post ann id=q\n91 92 ok profile ann by=bob seen=q fresh", "pass"},
		{"kept", ann + "10 11 ok post ann id=p state=held\n10 11 ok post ann id=q\n91 92 ok profile ann seen=q fresh\n93 94 ok profile ann by=bob seen=q fresh", "a post is missing"},
		{"kept", ann + spam + blockAll + "10 11 ok post ann id=q\n91 92 ok profile ann by=bob seen=q fresh\n91 92 ok profile eve by=bob fresh", "pass"},
		{"kept", ann + spam + "10 11 ok post ann id=q\n91 92 ok profile ann by=bob seen=q fresh\n91 92 ok profile eve by=bob fresh", "a post is missing"},
		{"kept", ann + spam + "10 11 ok post ann id=q\n91 92 ok profile ann by=bob seen=q fresh", "pass"},

		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n7 8 ok post ann id=p state=held\n91 92 ok timeline bob fresh", "pass"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n7 8 ok post ann id=p state=held\n9 10 ok allow ann id=p by=mod sort=moderator\n91 92 ok timeline bob fresh", "ann/p is missing"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n7 8 ok post ann id=p state=held\n85 86 ok allow ann id=p by=mod sort=moderator\n91 92 ok timeline bob fresh", "pass"},
		{"jobs", ann + bob + "5 6 ok follow ann by=bob\n7 8 ok post ann id=p\n9 10 ok block ann id=p by=mod sort=moderator\n91 92 ok timeline bob fresh", "pass"},
		{"jobs", ann + bob + "9 9.5 ok follow ann by=bob\n7 8 ok post ann id=p state=held\n10 11 ok allow ann id=p by=mod sort=moderator\n91 92 ok timeline bob fresh", "ann/p is missing"},
		{"jobs", ann + "7 8 ok post ann id=p state=held\n91 92 ok timeline ann fresh", "ann/p is missing"},
		{"jobs", ann + "7 8 ok photo ann id=p state=held\n91 92 ok profile ann by=bob fresh", "pass"},
		{"jobs", ann + "7 8 ok photo ann id=p state=held\n9 10 ok allow ann id=p by=mod sort=moderator\n91 92 ok profile ann by=bob seen=p:photo fresh", "no thumbnail"},
	} {
		judged(t, judges, c.judge, c.story, c.want)
	}
}

// Parts of stories about spam: the moderators teach, a feed lies from 50 to 60, and a post at 40 is refused, shown, or held.
const (
	taught = "5 6 ok label mod by=mod sort=moderator id=spam spam\n"
	lies   = "50 51 ok label feed by=feed sort=poisoned-feed id=ham spam\n60 61 ok distrust feed by=mod sort=moderator\n"
	kept   = "40 41 failed post eve id=k spam sort=spam-wave refused\n"
	seen   = "40 41 ok post eve id=s spam sort=spam-wave\n"
	held   = "40 41 ok post eve id=h spam sort=spam-wave state=held\n"
)

// TestAttackersDoNotCountAsServed: being turned away is what they are there for.
func TestAttackersDoNotCountAsServed(t *testing.T) {
	judges := map[string]func(history.History) reports.Check{"live": func(h history.History) reports.Check {
		return Live(h, Liveness{From: 10 * time.Second, To: 90 * time.Second, Within: 5 * time.Second, SharePPM: 1_000_000, Minimum: 1})
	}}
	const good = "20 21 ok post ann id=p\n"
	judged(t, judges, "live", good+"20 21 failed post eve id=s sort=spam-wave refused", "pass")
	judged(t, judges, "live", good+"20 21 failed post dan id=s sort=flash-crowd refused", "fail")
	judged(t, judges, "live", "20 21 ok post eve id=s sort=spam-wave", "inconclusive")
}
