package abuse

import (
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/store/storetest"
)

// TestWhatAlertsLookAtBeginsAtZero: of a counter that begins at 1 nobody sees the first rise.
func TestWhatAlertsLookAtBeginsAtZero(t *testing.T) {
	store := storetest.New(t)
	server, err := New(Config{Port: "9200", Tenants: []Tenant{*tenant("shop")}}, "pi-1", source{store, nil}, prometheus.NewRegistry(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	client, err := newClient(source{store, nil}, []string{"shop"}, nil, quiet())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		of     prometheus.Collector
		labels []string
		series int
	}{
		"EventsNotJudged":     {client.verdicts, []string{string(Undecided)}, 3},
		"SpamWave, refused":   {server.metrics.verdicts, []string{string(Post), string(Refuse)}, 4},
		"SpamWave, held back": {server.metrics.verdicts, []string{string(Post), string(Quarantine)}, 1},
		"LoginsGuessed":       {server.metrics.condemned, []string{"shop"}, 1},
	} {
		if got := series(t, c.of, c.labels); got != c.series {
			t.Errorf("%s: there are %d series, not %d", name, got, c.series)
		}
	}
}

// series returns how many series of a metric have all of some values in their labels.
func series(t *testing.T, of prometheus.Collector, labels []string) (n int) {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(of)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(values, l) }) {
				n++
			}
		}
	}
	return n
}
