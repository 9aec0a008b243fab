package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"

	"picloud/node/api"
)

// Ask asks a server of the cloud, and reads its answer of at most so many bytes: a POST of what goes in, as JSON, or a GET if
// nothing does. An error that the server has answered with is returned as it is; of one of kind Unavailable it is known that the
// request had no effect. Doing is for errors.
func Ask(ctx context.Context, transport http.RoundTripper, doing, server, path string, in, out any, most int64) error {
	method, body := http.MethodGet, []byte(nil)
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+server+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	subject := server + path
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return api.Errorf(kindOf(err), doing, subject, "%s", err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return api.Errorf(api.Unknown, doing, subject, "%s", err)
	}
	if answer.StatusCode != http.StatusOK {
		e := &api.Error{}
		if json.Unmarshal(data, e) != nil || e.Kind == "" {
			return api.Errorf(api.Unknown, doing, subject, "it answers with status %d", answer.StatusCode)
		}
		return e
	}
	if err := json.Unmarshal(data, out); err != nil {
		return api.Errorf(api.Unknown, doing, subject, "%s", err)
	}
	return nil
}

// kindOf says of an error of the transport whether the request certainly was not sent, as the server was not reached.
func kindOf(err error) api.Kind {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return api.Unavailable
	}
	return api.Unknown
}
