package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
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
		return nil, api.Errorf(api.NotFound, "serve", fmt.Sprintf("the path %.80q", c.r.URL.Path), "there is nothing")
	}
	e, ok := methods[c.r.Method]
	if !ok {
		allowed := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
		w.Header().Set("Allow", allowed)
		return nil, api.Errorf(api.MethodNotAllowed, "serve", "the method "+c.r.Method, "it is one of %s", allowed)
	}
	var err error
	if c.query, err = url.ParseQuery(c.r.URL.RawQuery); err != nil {
		return nil, api.Errorf(api.BadRequest, "read the query", "", "%s", err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.query)) {
		if !slices.Contains(e.parameters, name) || len(c.query[name]) != 1 {
			return nil, api.Errorf(api.BadRequest, "read the query", "", "%.80q is not one of %v, or stands there twice", name, e.parameters)
		}
	}
	return &e, nil
}

// readBody reads a request's body, which has some time to come.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	if r.ContentLength > maxBody {
		w.Header().Set("Connection", "close") // what is known to be too large is not waited for
		return nil, api.Errorf(api.TooLarge, "read the body", "", "it has more than %d bytes", maxBody)
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(requestLimit)) // if that fails, so does reading
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return nil, api.Errorf(api.TooLarge, "read the body", "", "it has more than %d bytes", over.Limit)
	}
	if err != nil {
		return nil, api.Errorf(api.BadRequest, "read the body", "", "%s", err)
	}
	_ = control.SetReadDeadline(time.Time{}) // what ends while a request waits ends the request
	return data, nil
}

// decode reads a body.
func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return api.Errorf(api.BadRequest, "read the body", "", "%s", err)
	}
	if d.More() {
		return api.Errorf(api.BadRequest, "read the body", "", "something follows behind its value")
	}
	return nil
}

// limited bounds how long a request takes.
func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, requestLimit)
}
