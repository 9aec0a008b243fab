package users

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/bits"
	"math/rand/v2"
	"mime/multipart"

	"picloud/scenarios/users/texts"
)

// The size of photos, in pixels: small ones, as pictures cost the same wherever they are computed.
const photoWidth, photoHeight = 96, 64

// motif is what a photo shows: eight by eight fields, light and dark. It can be recognised in whatever is made of the photo.
type motif uint64

// families is how many motifs there are that moderators put onto the list of pictures: the first half of them before anybody posts
// them, the others later.
const families = 8

func familyMotif(n int) motif { return motif(rand.New(rand.NewPCG(uint64(n), 0xbad)).Uint64()) }

// The texture of photos is of so many spots across and down: fields alone have no detail but that of their own size.
const spotsAcross, spotsDown = 37, 29

// draw makes a photo of a motif, with a texture that is the motif's own, and some grain, so that two photos of it are not the same file.
func (m motif) draw(r *rand.Rand) *image.RGBA {
	p := image.NewRGBA(image.Rect(0, 0, photoWidth, photoHeight))
	own := rand.New(rand.NewPCG(uint64(m), 1))
	var spots [spotsAcross * spotsDown]int
	for i := range spots {
		spots[i] = own.IntN(81) - 40
	}
	for y := range photoHeight {
		for x := range photoWidth {
			level := 55
			if m>>(y*8/photoHeight*8+x*8/photoWidth)&1 == 1 {
				level = 185
			}
			level += spots[y*spotsDown/photoHeight*spotsAcross+x*spotsAcross/photoWidth] + r.IntN(7) - 3
			p.SetRGBA(x, y, color.RGBA{uint8(level), uint8(level - level/8), uint8(level - level/5), 255})
		}
	}
	return p
}

// motifIn returns the motif that a picture shows, if it is one.
func motifIn(file []byte) (shown motif, is bool) {
	p, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return 0, false
	}
	b := p.Bounds()
	for field := range 64 {
		x, y := b.Min.X+(2*(field%8)+1)*b.Dx()/16, b.Min.Y+(2*(field/8)+1)*b.Dy()/16
		if color.GrayModel.Convert(p.At(x, y)).(color.Gray).Y > 120 {
			shown |= 1 << field
		}
	}
	return shown, true
}

// like tells whether motifs are one, of which some fields were not seen well.
func (m motif) like(other motif) bool { return bits.OnesCount64(uint64(m^other)) <= 6 }

// recognise returns the families whose motif a picture shows.
func recognise(file []byte) []int {
	shown, is := motifIn(file)
	var found []int
	for n := range families {
		if is && shown.like(familyMotif(n)) {
			found = append(found, n)
		}
	}
	return found
}

func linkTag(link string) string { return "link:" + link }

func pictureTag(family int) string { return fmt.Sprintf("picture:%d", family) }

// half returns a picture of half the width and height.
func half(p *image.RGBA) *image.RGBA {
	b := p.Bounds()
	small := image.NewRGBA(image.Rect(0, 0, b.Dx()/2, b.Dy()/2))
	for y := range b.Dy() / 2 {
		for x := range b.Dx() / 2 {
			var sum [3]int
			for _, c := range []color.RGBA{p.RGBAAt(2*x, 2*y), p.RGBAAt(2*x+1, 2*y), p.RGBAAt(2*x, 2*y+1), p.RGBAAt(2*x+1, 2*y+1)} {
				sum[0], sum[1], sum[2] = sum[0]+int(c.R), sum[1]+int(c.G), sum[2]+int(c.B)
			}
			small.SetRGBA(x, y, color.RGBA{uint8(sum[0] / 4), uint8(sum[1] / 4), uint8(sum[2] / 4), 255})
		}
	}
	return small
}

// bordered returns a picture with a thin white border around it.
func bordered(p *image.RGBA) *image.RGBA {
	b := p.Bounds()
	framed := image.NewRGBA(image.Rect(0, 0, b.Dx()+4, b.Dy()+4))
	for y := range b.Dy() + 4 {
		for x := range b.Dx() + 4 {
			framed.SetRGBA(x, y, color.RGBA{255, 255, 255, 255})
		}
	}
	for y := range b.Dy() {
		for x := range b.Dx() {
			framed.SetRGBA(x+2, y+2, p.RGBAAt(x, y))
		}
	}
	return framed
}

// variants is how many ways there are to post a picture so that its bytes are others.
const variants = 4

// variant returns the file of a picture as those post it who know that it is on a list: half as large, as a poor JPEG, with a
// border, or simply once more.
func variant(p *image.RGBA, way int) ([]byte, error) {
	var file bytes.Buffer
	var err error
	switch way % variants {
	case 0:
		err = png.Encode(&file, half(p))
	case 1:
		err = jpeg.Encode(&file, p, &jpeg.Options{Quality: 40})
	case 2:
		err = png.Encode(&file, bordered(p))
	default:
		err = png.Encode(&file, p)
	}
	return file.Bytes(), err
}

// upload returns the form that posts a photo, the same whenever it is sent again.
func upload(id, text string, photo []byte) (raw, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.SetBoundary("photo-" + id); err != nil {
		return raw{}, err
	}
	for _, field := range [][2]string{{"id", id}, {"text", text}} {
		if err := form.WriteField(field[0], field[1]); err != nil {
			return raw{}, err
		}
	}
	file, err := form.CreateFormFile("picture", "photo")
	if err != nil {
		return raw{}, err
	}
	if _, err := file.Write(photo); err != nil {
		return raw{}, err
	}
	if err := form.Close(); err != nil {
		return raw{}, err
	}
	return raw{form.FormDataContentType(), body.Bytes()}, nil
}

// random returns random numbers for what takes a generator of its own.
func random() *rand.Rand { return rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) }

// tagsOf returns the tags of what a text links to and of a picture's file, if there is one.
func tagsOf(text string, file []byte) []string {
	var tags []string
	for _, link := range texts.Links(text) {
		tags = append(tags, linkTag(link))
	}
	if file != nil {
		for _, n := range recognise(file) {
			tags = append(tags, pictureTag(n))
		}
	}
	return tags
}
