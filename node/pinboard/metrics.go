package pinboard

import (
	_ "embed"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
)

//go:embed alerts.yaml
var alertRules string

// AlertRules returns the rules for alerts on the application, in Prometheus' format.
func AlertRules() string { return alertRules }

type metrics struct {
	registrations, logins, departures, posts, mails *prometheus.CounterVec

	waiting        *prometheus.GaugeVec
	turnedAway     *prometheus.CounterVec
	pictureSeconds *prometheus.HistogramVec
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_pinboard_" + name, Help: help + " by outcome: ok, or the kind of the error."},
			[]string{"outcome"})
	}
	m := &metrics{
		registrations: counter("registrations_total", "Registrations"),
		logins:        counter("logins_total", "Logins"),
		departures:    counter("departures_total", "Requests to delete an account"),
		posts:         counter("posts_total", "Requests to post"),
		mails:         counter("mails_total", "Attempts to send a mail"),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "picloud_pinboard_waiting",
			Help: "Requests and jobs that wait until passwords or pictures are worked on."}, []string{"for"}),
		turnedAway: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_pinboard_turned_away_total",
			Help: "Requests and jobs that were refused as too many waited."}, []string{"for"}),
		pictureSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "picloud_pinboard_picture_seconds",
			Help:    "How long pictures and thumbnails took to be made, by outcome.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}, []string{"what", "outcome"}),
	}
	var err error
	for _, c := range []prometheus.Collector{m.registrations, m.logins, m.departures, m.posts, m.mails, m.waiting, m.turnedAway, m.pictureSeconds} {
		err = errors.Join(err, registerer.Register(c))
	}
	if err != nil {
		return nil, fmt.Errorf("pinboard: register metrics: %w", err)
	}
	return m, nil
}

// outcome returns what metrics say of how something has ended.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return string(api.KindOf(err))
}
