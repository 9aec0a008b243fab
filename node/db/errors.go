package db

import (
	"errors"
	"net/http"

	"picloud/node/api"
)

// statusOf returns the HTTP status of an error.
func statusOf(err error) int {
	switch api.KindOf(err) {
	case api.BadRequest, api.CrossPartition, api.Future:
		return http.StatusBadRequest
	case api.TooLarge:
		return http.StatusRequestEntityTooLarge
	case api.Unauthorised:
		return http.StatusUnauthorized
	case api.Forbidden:
		return http.StatusForbidden
	case api.NotFound:
		return http.StatusNotFound
	case api.MethodNotAllowed:
		return http.StatusMethodNotAllowed
	case api.Conflict:
		return http.StatusConflict
	case api.ConditionFailed:
		return http.StatusPreconditionFailed
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
