package users

import (
	"testing"
	"time"
)

func TestARefusalIsToldFromOtherErrors(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		after  time.Duration
		yes    bool
	}{
		{403, `{"kind":"refused"}`, 0, true},
		{403, `{"kind":"forbidden","detail":"somebody else's"}`, 0, false},
		{429, `{"kind":"too-many-requests","retry_after_ms":1500}`, 1500 * time.Millisecond, true},
		{429, `slow down`, 0, false},
		{503, `{"kind":"refused"}`, 0, false},
		{201, `{"kind":"refused"}`, 0, false},
	} {
		after, yes := (&answer{status: c.status, body: []byte(c.body)}).refusal()
		if after != c.after || yes != c.yes {
			t.Errorf("%d %s: after %s, %v", c.status, c.body, after, yes)
		}
	}
}
