package pinboard

import (
	"bytes"
	"io"
	"testing"
)

// TestOnlySoManyUploadsAreHeldAtOnce has somebody send a picture that does not come to its end: the next one is turned away
// before any of it is read, and who posts only a text is not.
func TestOnlySoManyUploadsAreHeldAtOnce(t *testing.T) {
	l := newLab(t)
	l.pinboard.uploads = newGate("uploads", 1, 0, l.pinboard.metrics)
	ann, bob := l.register("ann"), l.register("bob")
	picture := photo(t, 20, 10, 3)
	file := func() *form { return newForm().field("text", "a photo").file("picture", "p.png", picture) }

	kind, body := file().finish()
	sent, slow := io.Pipe()
	done := make(chan *reply)
	go func() { done <- ann.ask("POST", "/api/posts", upload{kind, sent}) }()
	if _, err := io.CopyN(slow, body, 50); err != nil {
		t.Fatal(err)
	}

	unread, never := io.Pipe()
	bob.ask("POST", "/api/posts", upload{kind, unread}).want(503, "uploads")
	bob.post("in the meantime")

	if _, err := io.Copy(slow, body); err != nil {
		t.Fatal(err)
	}
	_ = slow.Close()
	(<-done).want(201)
	_ = never.Close()
	bob.ask("POST", "/api/posts", file()).want(201)
}

// TestAFormThatIsNotWholeIsNoPost: of one that breaks off between two fields the first would be posted, and the picture would not.
func TestAFormThatIsNotWholeIsNoPost(t *testing.T) {
	l := newLab(t)
	ann := l.register("ann")
	kind, body := newForm().field("text", "a photo").file("picture", "p.png", photo(t, 20, 10, 3)).finish()
	whole, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	second := bytes.LastIndex(whole, []byte("Content-Disposition"))
	for name, end := range map[string]int{
		"behind the first field":         second,
		"in the header of the second":    second + 20,
		"behind that header's first row": second + bytes.IndexByte(whole[second:], '\n') + 1,
		"in the picture":                 len(whole) - 100,
		"before the last boundary":       len(whole) - 10,
	} {
		if got := ann.ask("POST", "/api/posts", upload{kind, bytes.NewReader(whole[:end])}); got.status != 400 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	ann.ask("POST", "/api/posts", upload{kind, bytes.NewReader(whole)}).want(201)
	ann.ask("POST", "/api/posts", upload{kind, bytes.NewReader(append(whole, "an epilogue"...))}).want(201)
	ann.ask("POST", "/api/posts", upload{kind, bytes.NewReader(whole[:len(whole)-2])}).want(201) // without a line's end
}
