package pinboard

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"picloud/node/api"
	"picloud/node/codec"
	"picloud/node/web"
)

// The limits of an upload, in bytes.
const (
	maxUpload = 8 << 20
	maxField  = 16 << 10
)

// draft is what somebody wants to post.
type draft struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	Alt  string `json:"alt"`
	file []byte // the picture as it was sent
	from string // the address from which it came
}

// draft reads what is to be posted: JSON, or a form with a picture.
func (c *call) draft() (*draft, error) {
	d := &draft{from: c.from()}
	var err error
	if c.isForm() {
		err = c.form(d)
	} else {
		err = c.body(d)
	}
	if err == nil {
		err = d.complete(c.r.Header.Get(web.IdempotencyHeader))
	}
	return d, err
}

// isForm tells whether the body is a form, which may hold a picture.
func (c *call) isForm() bool { return c.contentType() == "multipart/form-data" }

// complete checks a draft and gives it an ID if it has none: one that is made of the request's key, if it has one.
func (d *draft) complete(key string) (err error) {
	if d.Text, err = cleanText("text", d.Text, maxText); err != nil {
		return err
	}
	if d.Alt, err = cleanText("alt", d.Alt, maxAlt); err != nil {
		return err
	}
	switch {
	case d.Text == "" && d.file == nil:
		return api.Errorf(api.BadRequest, "read the post", "", "it has neither a text nor a picture")
	case d.Alt != "" && d.file == nil:
		return api.Errorf(api.BadRequest, "read the post", "", "it describes a picture (alt) that it does not have")
	case d.ID != "":
	case key != "":
		d.ID = hash(key)[:32]
	default:
		d.ID = rand.Text()
	}
	if !validPostID(d.ID) {
		return api.Errorf(api.BadRequest, "read the post", "", "its ID is 1 to %d of A-Z, a-z, 0-9, - and _", maxPostID)
	}
	return nil
}

// fingerprint is the same for the same content.
func (d *draft) fingerprint() string {
	var w codec.Writer
	w.Text(d.Text)
	w.Text(d.Alt)
	w.Bytes(d.file)
	sum := sha256.Sum256(w)
	return hex.EncodeToString(sum[:])
}

// form reads a form of the fields id, text, alt and picture, each at most once.
func (c *call) form(d *draft) error {
	end := &sought{ReadCloser: http.MaxBytesReader(c.w, c.r.Body, maxUpload), what: c.lastBoundary()}
	c.r.Body = end
	parts, err := c.r.MultipartReader()
	if err != nil {
		return web.BodyError(err)
	}
	seen := map[string]bool{}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) && end.came { // else it breaks off in the header of a field, which the reader takes for its end
			web.BodyWithin(c.w, 0)
			return nil
		}
		if err != nil {
			return web.BodyError(err)
		}
		name := part.FormName()
		if seen[name] {
			return api.Errorf(api.BadRequest, "read the form", "", "the field %.40q stands there twice", name)
		}
		seen[name] = true
		if err := d.take(name, part); err != nil {
			return err
		}
	}
}

// lastBoundary returns what stands behind the last field of a form.
func (c *call) lastBoundary() []byte {
	_, parameters, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil {
		return nil // does not happen: it is a form
	}
	return []byte("--" + parameters["boundary"] + "--")
}

// sought is a body in which something is to stand.
type sought struct {
	io.ReadCloser
	what []byte
	tail []byte // of what was read: what is sought may have begun there
	came bool
}

func (s *sought) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	if !s.came {
		s.tail = append(s.tail, b[:n]...)
		s.came = bytes.Contains(s.tail, s.what)
		s.tail = s.tail[max(0, len(s.tail)-len(s.what)):]
	}
	return n, err
}

// take reads a field of the form.
func (d *draft) take(name string, part *multipart.Part) error {
	fields := map[string]*string{"id": &d.ID, "text": &d.Text, "alt": &d.Alt}
	field, isText := fields[name]
	switch {
	case !isText && name != "picture":
		return api.Errorf(api.BadRequest, "read the form", "", "the field %.40q is not one of id, text, alt, picture", name)
	case !isText:
		file, err := io.ReadAll(part) // the body is limited
		if err != nil {
			return web.BodyError(err)
		}
		if len(file) > 0 || part.FileName() != "" { // a browser sends an empty one where none was chosen
			d.file = file
		}
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(part, maxField+1))
	if err != nil {
		return web.BodyError(err)
	}
	if len(text) > maxField {
		return api.Errorf(api.TooLarge, "read the form", "", "the field %s has more than %d bytes", name, maxField)
	}
	*field = string(text)
	return nil
}
