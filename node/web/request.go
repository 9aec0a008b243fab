package web

import (
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
)

// NotAllowed returns the error for a method that a path does not have, and tells the client those that it has.
func NotAllowed[E any](w http.ResponseWriter, r *http.Request, has map[string]E) error {
	allowed := strings.Join(slices.Sorted(maps.Keys(has)), ", ")
	w.Header().Set("Allow", allowed)
	return api.Errorf(api.MethodNotAllowed, "serve", "the method "+r.Method, "it is one of %s", allowed)
}

// NoPath returns the error for a path at which nothing is served; where says what there is.
func NoPath(r *http.Request, where string) error {
	return api.Errorf(api.NotFound, "serve", fmt.Sprintf("the path %.80q", r.URL.Path), "%s", where)
}

// Query returns the query of a request, in which each parameter must be known and stand once.
func Query(r *http.Request, known ...string) (url.Values, error) {
	const doing = "read the query"
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, api.Errorf(api.BadRequest, doing, "", "%s", err)
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !slices.Contains(known, name) || len(query[name]) != 1 {
			return nil, api.Errorf(api.BadRequest, doing, "", "%.80q is not one of %v, or stands there twice", name, known)
		}
	}
	return query, nil
}

// BodyWithin bounds how long the client may take to send a body; zero is no bound. It bounds too how long the server reads on
// what a refused request has left.
func BodyWithin(w http.ResponseWriter, limit time.Duration) {
	var end time.Time
	if limit > 0 {
		end = time.Now().Add(limit)
	}
	_ = http.NewResponseController(w).SetReadDeadline(end) // if that fails, so does the next read
}

// Body reads a request's body of at most so many bytes. After it the time for the body is over: what ends while a request is
// served ends the request.
func Body(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	if r.ContentLength > most {
		w.Header().Set("Connection", "close") // what is known to be too large is not waited for
		return nil, BodyError(&http.MaxBytesError{Limit: most})
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		return nil, BodyError(err)
	}
	BodyWithin(w, 0)
	return data, nil
}

// BodyError returns what is wrong with a body that cannot be read.
func BodyError(err error) error {
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return api.Errorf(api.TooLarge, "read the body", "", "it has more than %d bytes", over.Limit)
	}
	return api.Errorf(api.BadRequest, "read the body", "", "%s", err)
}

// FromJSON reads one JSON value, of which each field must be known and behind which nothing stands.
func FromJSON(from io.Reader, into any) error {
	d := json.NewDecoder(from)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind it")
	}
	return nil
}
