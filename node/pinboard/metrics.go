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
	resets                                          *prometheus.CounterVec // what was asked or done, by outcome
	verdicts, reports, appeals                      *prometheus.CounterVec
	judged, rulings, reviews, leftOut               *prometheus.CounterVec
	oldestCase                                      prometheus.Gauge

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
		verdicts:      counter("verdicts_total", "Verdicts of moderators"),
		reports:       counter("reports_total", "Requests to report a post"),
		appeals:       counter("appeals_total", "Requests of authors for a moderator"),
		judged: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_pinboard_judged_total",
			Help: "What users wanted to do, by what was decided about it, and why."}, []string{"what", "decision", "reason"}),
		rulings: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_pinboard_rulings_total",
			Help: "Posts by the state in which they were put, and by what: posting, review, sweep or moderator."}, []string{"state", "by"}),
		reviews: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_pinboard_reviews_total",
			Help: "Runs of reviews of posts that are held, by outcome."}, []string{"outcome"}),
		leftOut: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_pinboard_left_out_total",
			Help: "Posts that were read and not shown to others although no ruling says so, by why."}, []string{"why"}),
		oldestCase: prometheus.NewGauge(prometheus.GaugeOpts{Name: "picloud_pinboard_oldest_case_seconds",
			Help: "For how long the case waits for a moderator that has waited longest; 0 if none does."}),
		resets: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_pinboard_resets_total",
			Help: "Users who were asked to set their passwords anew, and passwords that were so set, by outcome."}, []string{"what", "outcome"}),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "picloud_pinboard_waiting",
			Help: "Requests and jobs that wait until passwords, pictures or uploads are worked on."}, []string{"for"}),
		turnedAway: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_pinboard_turned_away_total",
			Help: "Requests and jobs that were refused as too many waited."}, []string{"for"}),
		pictureSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "picloud_pinboard_picture_seconds",
			Help:    "How long pictures and thumbnails took to be made, by outcome.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}, []string{"what", "outcome"}),
	}
	for _, outcome := range []string{reviewAllowed, reviewBlocked, reviewLeft, reviewUndecided, reviewGivenUp} {
		m.reviews.WithLabelValues(outcome) // an alert looks at how they grow
	}
	var err error
	for _, c := range []prometheus.Collector{m.registrations, m.logins, m.departures, m.posts, m.mails, m.verdicts, m.reports, m.appeals, m.judged, m.rulings,
		m.reviews, m.leftOut, m.resets, m.oldestCase, m.waiting, m.turnedAway, m.pictureSeconds} {
		err = errors.Join(err, registerer.Register(c))
	}
	if err != nil {
		return nil, fmt.Errorf("pinboard: register metrics: %w", err)
	}
	return m, nil
}

// What resets count.
const (
	resetAsked = "asked"
	resetDone  = "done"
)

// ruled counts that a post was put in a state, and by what.
func (m *metrics) ruled(as standing, by string) {
	if as == shown {
		as = "shown"
	}
	m.rulings.WithLabelValues(string(as), by).Inc()
}

// outcome returns what metrics say of how something has ended.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return string(api.KindOf(err))
}
