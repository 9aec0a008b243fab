package pinboard

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"picloud/node/api"
	"picloud/node/blob"
	"picloud/node/lambda"
	"picloud/node/pinboard/picture"
)

// The sizes of pictures in pixels of the longest side.
const (
	pictureSide   = 1280
	thumbnailSide = 320
	pictureType   = "image/jpeg"
)

// develop makes of a file a picture that can be shown, and does something with it while its pixels are there.
func (p *Pinboard) develop(ctx context.Context, what string, file []byte, side int, and func(*picture.Picture)) (made *picture.Picture, _ error) {
	return made, p.pictures.through(ctx, func() (err error) {
		began := time.Now()
		if made, err = picture.Convert(file, side, blob.MaxBytes); err == nil {
			and(made)
			made.Pixels = nil
		}
		p.metrics.pictureSeconds.WithLabelValues(what, outcome(err)).Observe(time.Since(began).Seconds())
		return err
	})
}

// picture makes the picture of a draft, nil if it has none, and says in the post what it is.
func (p *Pinboard) picture(ctx context.Context, n *post, d *draft) (*picture.Picture, error) {
	if d.file == nil {
		return nil, nil
	}
	return p.develop(ctx, "picture", d.file, pictureSide, func(made *picture.Picture) {
		n.Picture = &shot{Width: made.Width, Height: made.Height}
		if p.guard != nil {
			n.Picture.Looks = looksOf(made.Pixels)
		}
	})
}

// illustrate adds a picture to a post that is to be written, and the job that makes its thumbnail. A post that is held has
// one once it is allowed.
func (p *Pinboard) illustrate(ctx context.Context, h home, place string, n *post, made *picture.Picture, t *api.Txn) error {
	d, err := p.blobs.Put(ctx, h.partition, made.JPEG, pictureType)
	if err != nil {
		return err
	}
	n.Picture.Blob = d.Handle
	t.If, t.Then = append(t.If, d.If...), append(t.Then, d.Then...)
	if n.Standing != shown {
		return nil
	}
	jobs, err := p.enqueue(h, kindThumbnail, letter{Place: place})
	t.Then = append(t.Then, jobs...)
	return err
}

// removePictures returns what deletes a post's pictures.
func (p *post) removePictures() []api.Op {
	if p.Picture == nil {
		return nil
	}
	ops := []api.Op{p.Picture.Blob.Delete()}
	if p.Picture.Thumbnail != nil {
		ops = append(ops, p.Picture.Thumbnail.Delete())
	}
	return ops
}

// doThumbnail makes a small picture of a post's, unless there is one, or its author has left: what is removed then was read already.
func (p *Pinboard) doThumbnail(ctx context.Context, _ *lambda.Run, l letter) (*lambda.Effect, error) {
	h := p.home(l.Name)
	found, err := p.read(ctx, get(h.user()), get(h.post(l.Place)))
	if err != nil {
		return nil, err
	}
	u, err := decode[user](first(&found[0]))
	if err != nil || !u.active() {
		return nil, err
	}
	record := first(&found[1])
	n, err := decode[post](record)
	if err != nil || n == nil || n.Picture == nil || n.Picture.Thumbnail != nil || n.Standing != shown {
		return nil, err
	}
	large, err := p.blobs.Get(ctx, n.Picture.Blob)
	if err != nil {
		return nil, err // where the post was deleted meanwhile, the next run finds none
	}
	made, err := p.develop(ctx, "thumbnail", large.Data, thumbnailSide, func(*picture.Picture) {})
	if err != nil {
		return nil, err
	}
	d, err := p.blobs.Put(ctx, h.partition, made.JPEG, pictureType)
	if err != nil {
		return nil, err
	}
	n.Picture.Thumbnail = &d.Handle
	return &lambda.Effect{If: append(d.If, h.active(), api.Unchanged(record.Key, record)), Then: append(d.Then, put(record.Key, n, 0))}, nil
}

func (p *Pinboard) servePicture(ctx context.Context, c *call) error {
	return p.serveBlob(ctx, c, func(s *shot) *blob.Handle { return &s.Blob })
}

func (p *Pinboard) serveThumbnail(ctx context.Context, c *call) error {
	return p.serveBlob(ctx, c, func(s *shot) *blob.Handle { return s.Thumbnail })
}

// serveBlob serves one of the pictures of a post, as long as the post is to be shown.
func (p *Pinboard) serveBlob(ctx context.Context, c *call, which func(*shot) *blob.Handle) error {
	h, err := p.whose(c)
	if err != nil {
		return err
	}
	place := c.r.PathValue("place")
	none := api.Errorf(api.NotFound, "show the picture", fmt.Sprintf("%s/%.80q", h.name, place), "there is none")
	if _, ok := timeOf(place); !ok {
		return none
	}
	if active, err := c.reading.isActive(ctx, h); err != nil || !active {
		return orNone(err, none)
	}
	n, err := find[post](ctx, c.reading, h.post(place))
	if err != nil || n == nil || n.Picture == nil || which(n.Picture) == nil || p.show(c.who, h.name, place, n) == nil {
		return orNone(err, none)
	}
	handle := *which(n.Picture)
	header := c.w.Header()
	header.Set("ETag", `"`+handle.ID+`"`) // a blob never changes
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	p.pictureCaching(header)
	c.setAge()
	if c.r.Header.Get("If-None-Match") == header.Get("ETag") {
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	b, err := p.blobs.Get(ctx, handle)
	if err != nil {
		for _, name := range []string{"ETag", "Content-Security-Policy"} {
			header.Del(name)
		}
		header.Set("Cache-Control", "no-store")
		return err
	}
	header.Set("Content-Type", pictureType)
	http.ServeContent(c.w, c.r, "", time.Time{}, bytes.NewReader(b.Data))
	return nil
}
