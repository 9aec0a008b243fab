package users

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWhatStandsForRequestsOfAnotherSite says what is asked of Pinboard, and that the path decides about whom.
func TestWhatStandsForRequestsOfAnotherSite(t *testing.T) {
	for _, c := range []struct {
		method, url string
		status      int
		size        int64
		want        ErrandKind
	}{
		{"GET", "/articles/7/", 200, 9000, ErrandProfile},
		{"HEAD", "/feed.xml?since=3", 304, 0, ErrandProfile},
		{"GET", "/images/large.PNG", 200, largePicture, ErrandPicture},
		{"GET", "/favicon.ico", 200, 3600, ErrandThumb},
		{"GET", "/style.css?v=2", 200, 900, ErrandPage},
		{"GET", "/admin.php", 404, 200, ErrandMissing},
		{"POST", "/admin.php", 403, 200, ErrandMissing},
		{"POST", "/articles/7/comments", 201, 200, ErrandPost},
		{"", "", 400, 200, ErrandMissing},
		{"", "", 200, 200, ErrandMissing},
	} {
		kind, who := ErrandOf(c.method, c.url, c.status, c.size, 12)
		if kind != c.want || who < 0 || who >= 12 {
			t.Errorf("%s %s is kind %d, of user %d", c.method, c.url, kind, who)
		}
		if _, again := ErrandOf(c.method, c.url+"?more", c.status, c.size, 12); !strings.Contains(c.url, "?") && again != who {
			t.Errorf("%s is about user %d, and with a query about %d", c.url, who, again)
		}
	}
}

func TestErrandsArePackedAndUnpacked(t *testing.T) {
	errands := []Errand{{time.Second, 0, ErrandPost, 3}, {time.Second, 9000, ErrandProfile, 999}, {time.Minute, 0, ErrandThumb, 0}}
	packed, err := PackReplay(errands)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := packed.Errands(); err != nil || !slices.Equal(got, errands) {
		t.Errorf("unpacked: %v, %v", got, err)
	}
	if got, err := Replay(nil).Errands(); err == nil || got != nil {
		t.Errorf("nothing is unpacked as %v, %v", got, err)
	}
	if got, err := Replay("nonsense").Errands(); err == nil {
		t.Errorf("nonsense is unpacked as %v", got)
	}
}

// TestALogThatIsTooLongIsRefused, with how much of it would do.
func TestALogThatIsTooLongIsRefused(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var errands []Errand
	for n := range 40_000 {
		errands = append(errands, Errand{time.Duration(n) * time.Millisecond, random.IntN(5000), ErrandKind(random.IntN(int(errandKinds))), random.IntN(12)})
	}
	_, err := PackReplay(errands)
	if err == nil || !strings.HasPrefix(err.Error(), "the 40000 requests of the log are ") {
		t.Fatalf("%v", err)
	}
	if _, err := PackReplay(errands[:10_000]); err != nil {
		t.Errorf("a quarter of it: %v", err)
	}
}

// FuzzErrands: what can be unpacked is the same when it is packed again.
func FuzzErrands(f *testing.F) {
	packed, err := PackReplay([]Errand{{time.Second, 1, ErrandPost, 3}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(packed))
	f.Add([]byte("nonsense"))
	f.Fuzz(func(t *testing.T, data []byte) {
		errands, err := Replay(data).Errands()
		if err != nil {
			return
		}
		again, err := PackReplay(errands)
		if err != nil {
			return // there is more of it than there is room for
		}
		if got, err := again.Errands(); err != nil || !slices.Equal(got, errands) {
			t.Errorf("%v is unpacked as %v, %v", errands, got, err)
		}
	})
}
