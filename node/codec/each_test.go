package codec

import "testing"

// TestAListThatClaimsMoreThanCameEndsWhereThatShows: each element of it may take much memory.
func TestAListThatClaimsMoreThanCameEndsWhereThatShows(t *testing.T) {
	var w Writer
	w.Number(1000)
	w.Text("one")
	r := NewReader(append(w, make([]byte, 1000)...)[:1004])
	r.count()
	if r.Text() != "one" || r.Bad() {
		t.Fatal("it is bad too early")
	}
	r = NewReader(append(w, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
	n := 0
	for range r.Each() {
		r.Text()
		n++
	}
	if n != 0 {
		t.Errorf("%d elements of a list that is longer than what came", n)
	}
	bad := append(Writer{}, w...)
	for range 2000 {
		bad = append(bad, 0xff) // no number ends so
	}
	r = NewReader(bad)
	for range r.Each() {
		r.Text()
		n++
	}
	if n != 2 || r.Done() == nil {
		t.Errorf("%d elements were read, of which the second makes no sense: %v", n, r.Done())
	}
}
