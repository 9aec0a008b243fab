// Package web is what all roles that speak HTTP share: how errors are answered, and how long clients may take.
//
// Invariants: an error crosses the wire as api.Error in JSON, and its kind decides the status; a server that stops
// lets requests under way end.
package web

import (
	"errors"
	"net/http"

	"picloud/node/api"
)

// StatusOf returns the HTTP status of an error.
func StatusOf(err error) int {
	switch api.KindOf(err) {
	case api.BadRequest, api.CrossPartition, api.Future:
		return http.StatusBadRequest
	case api.TooLarge:
		return http.StatusRequestEntityTooLarge
	case api.Unauthorised:
		return http.StatusUnauthorized
	case api.Forbidden, api.Refused:
		return http.StatusForbidden
	case api.TooMany:
		return http.StatusTooManyRequests
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
	case api.WrongGroup, api.NotLeader, api.Unavailable, api.Condemned, api.SessionExpired:
		return http.StatusServiceUnavailable
	case api.Unknown, api.Replayed:
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// AsError returns what crosses the wire of an error, nil for none.
func AsError(err error) *api.Error {
	var e *api.Error
	if err == nil || errors.As(err, &e) {
		return e
	}
	return api.Errorf(api.Internal, "serve", "", "%s", err)
}
