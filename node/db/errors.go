package db

import (
	"errors"
	"net/http"

	"picloud/node/api"
)

// Kinds that package api lacks stand here, on the nearest one it has. The HTTP status is their own.
const (
	kindCondition = api.BadRequest   // a condition did not hold: 412
	kindReused    = api.BadRequest   // an idempotency key was used for another request: 409
	kindMethod    = api.BadRequest   // a method that the path does not know: 405
	kindForbidden = api.Unauthorised // the token does not allow it: 403
)

// failure is an error whose status does not follow from its kind.
type failure struct {
	cause  *api.Error
	status int
}

func (f *failure) Error() string { return f.cause.Error() }
func (f *failure) Unwrap() error { return f.cause }

// statusOf returns the HTTP status of an error.
func statusOf(err error) int {
	var f *failure
	if errors.As(err, &f) {
		return f.status
	}
	switch api.KindOf(err) {
	case api.BadRequest, api.CrossPartition, api.Future:
		return http.StatusBadRequest
	case api.TooLarge:
		return http.StatusRequestEntityTooLarge
	case api.Unauthorised:
		return http.StatusUnauthorized
	case api.NotFound:
		return http.StatusNotFound
	case api.Compacted:
		return http.StatusGone
	case api.WrongGroup, api.NotLeader, api.Unavailable, api.SessionExpired:
		return http.StatusServiceUnavailable
	case api.Unknown, api.Replayed:
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// asError returns what crosses the wire of an error.
func asError(err error) *api.Error {
	var e *api.Error
	if errors.As(err, &e) {
		return e
	}
	return api.Errorf(api.Internal, "serve", "", "%s", err)
}

// serverError tells whether an error is the server's fault.
func serverError(err error) bool {
	return err != nil && statusOf(err) >= http.StatusInternalServerError
}
