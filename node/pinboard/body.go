package pinboard

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"picloud/node/api"
)

// maxJSON bounds a body of JSON: the longest text has four bytes for each character, or twelve if it is escaped.
const maxJSON = 32 << 10

// contentType returns the type of the body, without its parameters.
func (c *call) contentType() string {
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// body reads a body of JSON, of which each field must be known.
func (c *call) body(into any) error {
	if c.contentType() != "application/json" {
		return api.Errorf(api.BadRequest, "read the body", "", "its type (Content-Type) is application/json, not %.80q", c.r.Header.Get("Content-Type"))
	}
	d := json.NewDecoder(http.MaxBytesReader(c.w, c.r.Body, maxJSON))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, err = d.Token(); err == nil {
			err = errors.New("there is more than one value")
		} else if errors.Is(err, io.EOF) {
			c.bodyWithin(0) // what ends while a request is served ends the request
			return nil
		}
	}
	return bodyError(err)
}

// noBody refuses a body where there is none to be.
func (c *call) noBody() error {
	n, err := io.ReadFull(c.r.Body, make([]byte, 1))
	if n > 0 {
		return api.Errorf(api.BadRequest, "read the body", "", "a %s has none here", c.r.Method)
	}
	if err == nil || errors.Is(err, io.EOF) {
		c.bodyWithin(0)
		return nil
	}
	return bodyError(err)
}

func bodyError(err error) error {
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return api.Errorf(api.TooLarge, "read the body", "", "it has more than %d bytes", over.Limit)
	}
	return api.Errorf(api.BadRequest, "read the body", "", "%s", err)
}
