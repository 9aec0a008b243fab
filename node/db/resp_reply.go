package db

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"picloud/node/api"
)

// A reply is nil, an int64, a text as []byte or string, a status, a respError, a list of replies, or
// noList.
type (
	status string
	// respError is an error as Redis words it, its first word being its code.
	respError string
	// noList is the list that is not there: what EXEC answers if a watched key has changed.
	noList struct{}
)

func (e respError) Error() string { return string(e) }

// Errors as Redis words them.
const (
	ok            = status("OK")
	queued        = status("QUEUED")
	errSyntax     = respError("ERR syntax error")
	errWrongType  = respError("WRONGTYPE Operation against a key holding the wrong kind of value")
	errNotInteger = respError("ERR value is not an integer or out of range")
	errNotFloat   = respError("ERR value is not a valid float")
	errCrossSlot  = respError("CROSSSLOT Keys in request don't hash to the same slot")
	errNoAuth     = respError("NOAUTH Authentication required.")
	errWrongPass  = respError("WRONGPASS invalid username-password pair or user is disabled.")
	errExecAbort  = respError("EXECABORT Transaction discarded because of previous errors.")
	errNoProto    = respError("NOPROTO unsupported protocol version")
)

// appendReply appends a reply as RESP 2.
func appendReply(b []byte, reply any) []byte {
	switch r := reply.(type) {
	case nil:
		return append(b, "$-1\r\n"...)
	case noList:
		return append(b, "*-1\r\n"...)
	case int64:
		return append(strconv.AppendInt(append(b, ':'), r, 10), "\r\n"...)
	case status:
		return append(append(append(b, '+'), r...), "\r\n"...)
	case respError:
		return append(append(append(b, '-'), oneLine(string(r))...), "\r\n"...)
	case string:
		return appendBulk(b, []byte(r))
	case []byte:
		return appendBulk(b, r)
	case []any:
		b = append(strconv.AppendInt(append(b, '*'), int64(len(r)), 10), "\r\n"...)
		for _, e := range r {
			b = appendReply(b, e)
		}
		return b
	}
	return appendReply(b, respError(fmt.Sprintf("ERR internal: a reply of type %T", reply)))
}

func appendBulk(b, text []byte) []byte {
	b = append(strconv.AppendInt(append(b, '$'), int64(len(text)), 10), "\r\n"...)
	return append(append(b, text...), "\r\n"...)
}

// replySize returns about how many bytes of the wire a reply takes, and never more: whatever the fields of a hash that the
// store holds, HGETALL is not over the limit.
func replySize(reply any) int {
	const around = len("$0\r\n\r\n")
	switch r := reply.(type) {
	case string:
		return around + len(r)
	case []byte:
		return around + len(r)
	case []any:
		size := 0
		for _, e := range r {
			size += replySize(e)
		}
		return size
	}
	return len(":0\r\n")
}

// checkReply refuses a reply of so many bytes if it is too large. The store bounds what is read, and a reply may have it many times.
func checkReply(size int) error {
	if size <= api.MaxReplyBytes {
		return nil
	}
	return api.Errorf(api.TooLarge, "run a command", "", "its reply has more than %d bytes", api.MaxReplyBytes)
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' {
			return ' '
		}
		return r
	}, s)
}

// asRESP returns an error as a client of Redis understands it: TRYAGAIN if nothing was done and the same
// may succeed later, UNKNOWN if nobody knows whether it was done.
func asRESP(err error) respError {
	var r respError
	if errors.As(err, &r) {
		return r
	}
	code := "ERR"
	switch api.KindOf(err) {
	case api.Unavailable, api.NotLeader, api.WrongGroup, api.SessionExpired:
		code = "TRYAGAIN"
	case api.Unknown, api.Replayed:
		code = "UNKNOWN"
	case api.CrossPartition:
		return errCrossSlot
	}
	return respError(code + " " + err.Error())
}

// respKind returns the kind that metrics give to an error of a command.
func respKind(err error) error {
	var r respError
	if !errors.As(err, &r) {
		return err
	}
	kind := api.BadRequest
	switch code, _, _ := strings.Cut(string(r), " "); code {
	case "NOAUTH", "WRONGPASS", "NOPERM":
		kind = api.Unauthorised
	case "CROSSSLOT":
		kind = api.CrossPartition
	}
	return api.Errorf(kind, "run a command", "", "%s", string(r))
}
