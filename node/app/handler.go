package app

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"picloud/node/api"
	"picloud/node/web"
)

// longestAnswer is how long a request may take that does not say how long it has.
const longestAnswer = 30 * time.Second

// handler wraps the application's: with its health, the time that a request has, metrics, and an answer for a panic.
func (s *Server) handler() http.Handler {
	inner := s.app.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == web.HealthPath {
			s.health(w, r)
			return
		}
		s.metrics.inFlight.Inc()
		defer s.metrics.inFlight.Dec()
		ctx, cancel := context.WithTimeout(r.Context(), web.Timeout(r.Header, longestAnswer))
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, s.config.MaxBody)
		out := web.NewRecorder(w, r)
		began := time.Now()
		defer func() {
			why, begun := recover(), out.Begun()
			if why != nil && why != http.ErrAbortHandler {
				s.panicked(out, r, why)
			}
			out.End()
			s.metrics.requests.WithLabelValues(s.config.Name, strconv.Itoa(out.Status())).Inc()
			s.metrics.seconds.Observe(time.Since(began).Seconds())
			if why == http.ErrAbortHandler || why != nil && begun {
				panic(http.ErrAbortHandler) // it must not look whole
			}
		}()
		inner.ServeHTTP(out, r)
	})
}

func (s *Server) panicked(w *web.Recorder, r *http.Request, why any) {
	s.metrics.panics.Inc()
	s.host.Log.ErrorContext(r.Context(), "a request panicked", "app", s.config.Name, "method", r.Method, "path", fmt.Sprintf("%.200q", r.URL.Path),
		"request", r.Header.Get(web.RequestIDHeader), "why", fmt.Sprint(why), "stack", string(debug.Stack()))
	if !w.Begun() {
		web.Refuse(w, api.Errorf(api.Internal, "serve", fmt.Sprintf("%.80q", r.URL.Path), "the application failed"))
	}
}

func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), lookLimit)
	defer cancel()
	if err := s.guard(func() error { return s.app.Healthy(ctx) }); err != nil {
		web.Refuse(w, api.Errorf(api.Unavailable, "serve", s.config.Name, "%s", err))
		return
	}
	fmt.Fprintln(w, "ok")
}
