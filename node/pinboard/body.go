package pinboard

import (
	"bytes"
	"errors"
	"io"
	"mime"

	"picloud/node/api"
	"picloud/node/web"
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
	data, err := web.Body(c.w, c.r, maxJSON)
	if err != nil {
		return err
	}
	if err := web.FromJSON(bytes.NewReader(data), into); err != nil {
		return web.BodyError(err)
	}
	return nil
}

// noBody refuses a body where there is none to be.
func (c *call) noBody() error {
	n, err := io.ReadFull(c.r.Body, make([]byte, 1))
	if n > 0 {
		return api.Errorf(api.BadRequest, "read the body", "", "a %s has none here", c.r.Method)
	}
	if err == nil || errors.Is(err, io.EOF) {
		web.BodyWithin(c.w, 0)
		return nil
	}
	return web.BodyError(err)
}
