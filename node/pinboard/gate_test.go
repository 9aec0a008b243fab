package pinboard

import (
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
