package queue

import "testing"

// TestANameIsText: on the way to a server each byte that is none becomes the same letter, and two jobs of two names one.
func TestANameIsText(t *testing.T) {
	for _, name := range []string{"\xff", "a\xfe"} {
		job := Job{Queue: "mail", Kind: "x", Unique: name}
		if err := job.Validate(); err == nil {
			t.Errorf("the unique name %q is taken", name)
		}
	}
}
