package picture

import (
	"image"
	"image/color"

	"golang.org/x/image/draw"
)

// bytesOf returns how many bytes a pixel of a PNG or GIF takes, at most.
func bytesOf(m color.Model) int {
	switch m {
	case color.Gray16Model, color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	return 4 // grey ones too: with transparency they become colours
}

// scale draws a picture on white, scaled down until no side is longer than some pixels. It halves the picture as long as
// it can, and each pixel is then the mean of four: that takes no memory beside the halves, which better kernels do.
func scale(from image.Image, side int) *image.RGBA {
	w, h := fit(from.Bounds().Dx(), from.Bounds().Dy(), side)
	for from.Bounds().Dx() >= 2*w && from.Bounds().Dy() >= 2*h && from.Bounds().Dx() > side {
		half := image.NewRGBA(image.Rect(0, 0, (from.Bounds().Dx()+1)/2, (from.Bounds().Dy()+1)/2))
		draw.ApproxBiLinear.Scale(half, half.Rect, from, from.Bounds(), draw.Src, nil)
		from = half
	}
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(to, to.Rect, image.White, image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(to, to.Rect, from, from.Bounds(), draw.Over, nil)
	return to
}

// fit returns a picture's size when it is scaled down.
func fit(w, h, side int) (int, int) {
	longest := max(w, h)
	if longest <= side {
		return w, h
	}
	return max(1, (w*side+longest/2)/longest), max(1, (h*side+longest/2)/longest)
}

// turn turns and mirrors a picture as the orientation of EXIF says, 1 to 8, so that its first row is the top.
func turn(from *image.RGBA, orientation int) *image.RGBA {
	if orientation < 2 || orientation > 8 {
		return from
	}
	w, h := from.Rect.Dx(), from.Rect.Dy()
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	if orientation >= 5 {
		to = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			toX, toY := turned(x, y, w, h, orientation)
			copy(to.Pix[to.PixOffset(toX, toY):][:4], from.Pix[from.PixOffset(x, y):][:4])
		}
	}
	return to
}

// turned returns where a pixel of a picture of w x h goes.
func turned(x, y, w, h, orientation int) (int, int) {
	switch orientation {
	case 2: // mirrored
		return w - 1 - x, y
	case 3: // upside down
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6: // to be turned to the right
		return h - 1 - y, x
	case 7:
		return h - 1 - y, w - 1 - x
	case 8: // to the left
		return y, w - 1 - x
	}
	return x, y
}
