package history

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyHistory draws a history of clients that each do one operation at a time.
func anyHistory(t *rapid.T) History {
	var h History
	free := map[int]time.Duration{}
	word := rapid.StringMatching(`[ -~é]{1,8}`)
	for range rapid.IntRange(0, 20).Draw(t, "operations") {
		o := Operation{
			Client:  rapid.IntRange(0, 3).Draw(t, "client"),
			Kind:    rapid.SampledFrom([]Kind{Read, Write, Delete, CAS}).Draw(t, "kind"),
			Key:     word.Draw(t, "key"),
			Outcome: rapid.SampledFrom([]Outcome{OK, Failed, Unknown}).Draw(t, "outcome"),
		}
		if o.Kind == Write || o.Kind == CAS {
			o.Value = word.Draw(t, "value")
		}
		if o.Kind == CAS {
			o.Expect = rapid.StringMatching(`[a-z]{0,3}`).Draw(t, "expect")
		}
		if o.Outcome == OK && (o.Kind == Read || o.Kind == CAS) {
			o.Result = rapid.StringMatching(`[a-z]{0,3}`).Draw(t, "result")
		}
		o.Call = free[o.Client] + time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "idle"))
		o.Return = o.Call + time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "latency"))
		free[o.Client] = o.Return
		h = append(h, o)
	}
	h.Sort()
	return h
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyHistory(t)
		var file bytes.Buffer
		if err := h.Write(&file); err != nil {
			t.Fatal(err)
		}
		got, err := ReadFrom(FileName, &file)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, h) {
			t.Fatalf("got %v, want %v", got, h)
		}
	})
}

func TestABadLineIsRefusedWithItsPlace(t *testing.T) {
	const good = `{"client":0,"kind":"write","key":"a","value":"1","call":1,"return":2,"outcome":"ok"}` + "\n"
	tests := []struct{ line, want string }{
		{`{"client":0`, "history.jsonl:2: not an operation"},
		{``, "history.jsonl:2: not an operation"},
		{good[:len(good)-1] + good[:len(good)-1], "more than one operation on a line"},
		{`{"client":0,"kind":"write","keys":"a"}`, `unknown field "keys"`},
		{`{"client":0,"kind":"scan","key":"a","call":3,"return":4,"outcome":"ok"}`, `unknown kind of operation "scan"`},
		{`{"client":0,"kind":"read","key":"a","call":3,"return":4,"outcome":"lost"}`, `unknown outcome "lost"`},
		{`{"client":0,"kind":"read","key":"a","call":3,"return":2,"outcome":"ok"}`, "is called at 3 and returns at 2"},
		{`{"client":0,"kind":"write","key":"a","call":3,"return":4,"outcome":"ok"}`, `a write with the value ""`},
		{`{"client":0,"kind":"read","key":"a","value":"1","call":3,"return":4,"outcome":"ok"}`, `a read with the value "1"`},
		{`{"client":0,"kind":"read","key":"a","result":"1","call":3,"return":4,"outcome":"unknown"}`, "has no result"},
		{`{"client":0,"kind":"read","key":"a","call":1,"return":4,"outcome":"ok"}`, "client 0 calls at 0.000s while"},
	}
	for _, test := range tests {
		_, err := ReadFrom(FileName, strings.NewReader(good+test.line+"\n"))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\n  got  %v\n  want %s", test.line, err, test.want)
		}
	}
}

// TestAScanIsManyReadsAtOneTime: each record that it found is one, with the call and the return of the scan.
func TestAScanIsManyReadsAtOneTime(t *testing.T) {
	scan := History{{Kind: Read, Key: "a", Call: 1, Return: 4, Outcome: OK}, {Kind: Read, Key: "b", Call: 1, Return: 4, Outcome: OK}, {Kind: Read, Key: "c", Call: 5, Return: 6, Outcome: OK}}
	if err := scan.Validate(); err != nil {
		t.Error(err)
	}
	scan[1].Return = 5
	if err := scan.Validate(); err == nil {
		t.Error("two operations of one client at one time are taken")
	}
}

// TestWhatNobodyIsOwedIsNotCounted: mails, and what attackers asked for, as in the timeline.
func TestWhatNobodyIsOwedIsNotCounted(t *testing.T) {
	h := History{{Kind: Use, Outcome: Failed, Use: &Visit{Action: "post", Sort: SpamWave, Refused: true}}, {Kind: Use, Outcome: Failed, Use: &Visit{Action: "post", Sort: FlashCrowd}}, {Kind: Read, Outcome: Unknown},
		{Kind: Use, Outcome: OK, Use: &Visit{Action: ActMail}}, {Kind: Use, Outcome: OK, Use: &Visit{Action: ActResetMail}}, {Kind: Use, Outcome: OK, Use: &Visit{Action: "post"}}}
	if ok, failed, unknown := h.Totals(); ok != 1 || failed != 1 || unknown != 1 {
		t.Errorf("%d, %d, %d", ok, failed, unknown)
	}
}

func TestKeysAreSplitInOrder(t *testing.T) {
	h := History{{Key: "b", Call: 1}, {Key: "a", Call: 2}, {Key: "b", Call: 3}}
	keys := h.PerKey()
	if len(keys) != 2 || keys[0].Key != "a" || keys[1].Key != "b" || len(keys[1].Operations) != 2 {
		t.Errorf("got %v", keys)
	}
}
