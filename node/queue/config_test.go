package queue

import (
	"strings"
	"testing"
	"time"

	"picloud/node/api"
)

// TestConfigurationsAreRefused has a fault in each configuration but the first, and what is said of it.
func TestConfigurationsAreRefused(t *testing.T) {
	for _, c := range []struct {
		change func(*Config, *Queue)
		want   string
	}{
		{func(*Config, *Queue) {}, ""},
		{func(c *Config, _ *Queue) { c.Queues = nil }, "there are no queues"},
		{func(c *Config, q *Queue) { c.Queues = append(c.Queues, *q) }, "queues[1]: mail stands there twice"},
		{func(_ *Config, q *Queue) { q.Name = "Mail" }, "a queue is 1 to 63 of a-z"},
		{func(_ *Config, q *Queue) { q.Partitions.Count = 0 }, "partitions"},
		{func(_ *Config, q *Queue) { q.Hold = time.Millisecond }, "a hold is 1s to 12h"},
		{func(_ *Config, q *Queue) { q.Hold = MaxHold + 1 }, "a hold is 1s to 12h"},
		{func(_ *Config, q *Queue) { q.Attempts = MaxAttempts + 1 }, "1 to 100 attempts"},
		{func(_ *Config, q *Queue) { q.BackoffMost = MaxDelay + 1 }, "a backoff is 0 to 720h"},
		{func(_ *Config, q *Queue) { q.DeadFor = time.Millisecond }, "the dead are kept for 1s to 336h"},
		{func(_ *Config, q *Queue) { q.DeadFor = MaxDeadFor + 1 }, "the dead are kept for 1s to 336h"},
		{func(c *Config, _ *Queue) { c.Window = 10_001 }, "a window has 1 to 10000 jobs"},
		{func(c *Config, _ *Queue) { c.WindowBytes = 1<<30 + 1 }, "a window has 1 to 1073741824 bytes"},
		{func(c *Config, _ *Queue) { c.Drain = -1 }, "negative"},
	} {
		config := Config{Port: "9100", Queues: []Queue{{Name: "mail", Partitions: api.Partitions{Namespace: "app", Count: 2}}}}
		c.change(&config, &config.Queues[0])
		switch err := config.Validate(); {
		case err == nil && c.want != "", err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%+v is answered with %v, want %q", config, err, c.want)
		}
	}
}
