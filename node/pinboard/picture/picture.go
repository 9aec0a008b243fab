// Package picture makes pictures that strangers send fit to be shown.
//
// Invariants:
//   - Nothing is decoded before its header has said how much memory that takes, and that is little enough.
//   - What comes out is a JPEG that was encoded here: nothing else that lay in the original's file is in it, such as where
//     it was taken.
package picture

import (
	"bytes"
	"fmt"
	"image"
	_ "image/gif" // formats that are taken
	"image/jpeg"
	_ "image/png"

	"picloud/node/api"
)

// The limits of what is decoded.
const (
	MaxPixels = 40_000_000
	// maxMemory bounds the bytes that a decoded picture takes: four for each pixel.
	maxMemory = 4 * MaxPixels
)

// pngInterlace is where a PNG's header, which is its first chunk, says whether it comes in several passes.
const pngInterlace = 28

// The qualities of JPEG that are tried, the first that is small enough is taken.
const (
	bestQuality  = 85
	worstQuality = 25
	qualityStep  = 15
)

// Picture is one that is fit to be shown.
type Picture struct {
	JPEG          []byte
	Width, Height int
	Pixels        image.Image // of which the JPEG was made
}

// Convert scales a PNG, JPEG or GIF down until no side is longer than some pixels, and encodes it in at most some bytes. Of
// a GIF it takes the first frame. A bad file is an error of kind BadRequest, one over a limit of kind TooLarge.
func Convert(file []byte, side, most int) (*Picture, error) {
	orientation, err := check(file)
	if err != nil {
		return nil, err
	}
	decoded, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, bad("%s", err)
	}
	small := turn(scale(decoded, side), orientation)
	for quality := bestQuality; quality >= worstQuality; quality -= qualityStep {
		var out bytes.Buffer
		if err := jpeg.Encode(&out, small, &jpeg.Options{Quality: quality}); err != nil {
			return nil, api.Errorf(api.Internal, "encode the picture", "", "%s", err)
		}
		if out.Len() <= most {
			return &Picture{out.Bytes(), small.Rect.Dx(), small.Rect.Dy(), small}, nil
		}
	}
	return nil, tooLarge("it does not fit into %d bytes", most)
}

// check refuses what is no picture, and what would take too much memory. It returns how the picture is to be turned.
func check(file []byte) (orientation int, _ error) {
	config, format, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return 0, bad("it is no PNG, JPEG or GIF: %s", err)
	}
	if config.Width < 1 || config.Height < 1 {
		return 0, bad("it has no pixels")
	}
	if config.Width > MaxPixels/config.Height {
		return 0, tooLarge("it has %d x %d pixels, the limit is %d", config.Width, config.Height, MaxPixels)
	}
	each, orientation := bytesOf(config.ColorModel), 1
	switch {
	case format == "jpeg":
		h := readJPEG(file)
		each, orientation = h.bytesEach(), h.orientation
	case format == "png" && file[pngInterlace] != 0:
		each *= 2 // each pass is a picture of its own: all of them have as many pixels as the whole
	}
	if pixels := config.Width * config.Height; pixels > maxMemory/each {
		return 0, tooLarge("its %d pixels take %d bytes each to decode, the limit is %d bytes", pixels, each, maxMemory)
	}
	return orientation, nil
}

func bad(format string, args ...any) error {
	return api.Errorf(api.BadRequest, "read the picture", "", "%s", fmt.Sprintf(format, args...))
}

func tooLarge(format string, args ...any) error {
	return api.Errorf(api.TooLarge, "read the picture", "", "%s", fmt.Sprintf(format, args...))
}
