package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"picloud/node/api"
	"picloud/node/web"
)

// call is a request.
type call struct {
	r     *http.Request
	body  []byte
	query url.Values
	path  string // what stands behind the endpoint's
}

// endpoint is what a path and a method lead to.
type endpoint struct {
	verb       string // for metrics
	parameters []string
	serve      func(context.Context, *call) (any, error)
}

// requestLimit is how long a request may take, and its body to come, but for the time that it waits for jobs.
const requestLimit = 15 * time.Second

// endpoints returns what is served.
func (s *Server) endpoints() map[string]map[string]endpoint {
	post := func(verb string, serve func(context.Context, *call) (any, error)) map[string]endpoint {
		return map[string]endpoint{http.MethodPost: {verb: verb, serve: serve}}
	}
	get := func(verb string, serve func(context.Context, *call) (any, error), parameters ...string) map[string]endpoint {
		return map[string]endpoint{http.MethodGet: {verb, parameters, serve}}
	}
	all := map[string]map[string]endpoint{
		"/v1/enqueue":   post("enqueue", s.serveEnqueue),
		"/v1/reserve":   post("reserve", s.serveReserve),
		"/v1/cancel":    post("cancel", s.serveCancel),
		"/v1/settle":    post("settle", s.serveSettle),
		"/v1/dead":      get("dead", s.serveDead, "queue", "after", "limit"),
		"/v1/redrive":   post("redrive", s.serveRedrive),
		"/v1/discard":   post("discard", s.serveDiscard),
		"/v1/pause":     post("pause", s.servePause),
		"/v1/resume":    post("resume", s.serveResume),
		"/v1/queues":    get("queues", s.serveQueues),
		"/v1/stats":     get("stats", s.serveStats),
		"/v1/schedules": get("schedules", s.serveSchedules, "queue"),
		schedulesPath: {http.MethodPut: {verb: "schedule", serve: s.servePutSchedule},
			http.MethodDelete: {verb: "schedule", serve: s.serveDeleteSchedule}},
		web.HealthPath: get("health", func(context.Context, *call) (any, error) { return struct{}{}, nil }),
	}
	for _, verb := range verbs() {
		all["/v1/"+verb] = post(verb, func(ctx context.Context, c *call) (any, error) { return s.serveOne(ctx, c, verb) })
	}
	return all
}

// schedulesPath is followed by a queue and the name of a schedule.
const schedulesPath = "/v1/schedules/"

// Handler returns what serves the queues over HTTP.
func (s *Server) Handler() http.Handler {
	endpoints := s.endpoints()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		c := &call{r: r}
		verb, answer, err := "other", any(nil), error(nil)
		e, err := route(endpoints, w, c)
		if err == nil {
			verb = e.verb
			s.metrics.inFlight.WithLabelValues(verb).Inc()
			defer s.metrics.inFlight.WithLabelValues(verb).Dec()
			if c.body, err = readBody(w, r); err == nil {
				answer, err = e.serve(r.Context(), c)
			}
		}
		var body []byte
		if err == nil {
			body, err = web.AsJSON(answer)
		}
		s.metrics.served(verb, time.Since(began), err)
		if err != nil {
			web.Refuse(w, err)
			return
		}
		web.Reply(w, http.StatusOK, body)
	})
}

// route finds the endpoint of a request.
func route(endpoints map[string]map[string]endpoint, w http.ResponseWriter, c *call) (*endpoint, error) {
	path := c.r.URL.Path
	if rest, is := strings.CutPrefix(path, schedulesPath); is {
		path, c.path = schedulesPath, rest
	}
	methods := endpoints[path]
	if methods == nil {
		return nil, web.NoPath(c.r, "there is nothing")
	}
	e, ok := methods[c.r.Method]
	if !ok {
		return nil, web.NotAllowed(w, c.r, methods)
	}
	var err error
	c.query, err = web.Query(c.r, e.parameters...)
	return &e, err
}

// readBody reads a request's body, which has some time to come.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	web.BodyWithin(w, requestLimit)
	return web.Body(w, r, maxBody)
}

// decode reads a body.
func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return api.Errorf(api.BadRequest, "read the body", "", "%s", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) { // More takes a bracket too many for the end
		return api.Errorf(api.BadRequest, "read the body", "", "something follows behind its value")
	}
	return nil
}

// limited bounds how long a request takes.
func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, requestLimit)
}
