package users

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"strings"
)

// upload returns the form that posts a photo: a small one, as pictures cost the same wherever they are computed.
func upload(id string) (raw, error) {
	picture := image.NewRGBA(image.Rect(0, 0, 96, 64))
	c := color.RGBA{uint8(rand.IntN(256)), uint8(rand.IntN(256)), uint8(rand.IntN(256)), 255}
	for y := range 64 {
		for x := range 96 {
			picture.SetRGBA(x, y, color.RGBA{c.R + uint8(x), c.G + uint8(y), c.B, 255})
		}
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	err := form.SetBoundary("photo-" + id) // not a random one: it is the same when it is sent again
	if err != nil {
		return raw{}, err
	}
	if err := form.WriteField("id", id); err != nil {
		return raw{}, err
	}
	if err := form.WriteField("text", "a photo, "+id); err != nil {
		return raw{}, err
	}
	file, err := form.CreateFormFile("picture", "photo.png")
	if err != nil {
		return raw{}, err
	}
	if err := png.Encode(file, picture); err != nil {
		return raw{}, err
	}
	if err := form.Close(); err != nil {
		return raw{}, err
	}
	return raw{form.FormDataContentType(), body.Bytes()}, nil
}

// isPicture tells whether an answer's body looks like one.
func isPicture(body []byte) bool { return strings.HasPrefix(http.DetectContentType(body), "image/") }
