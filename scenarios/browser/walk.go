package browser

import (
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

const password = "correct horse"

// markup is a text that must be shown as it is.
const markup = `<img src=x onerror="document.title='owned'"> & <b>bold</b>`

type walk struct {
	config   Config
	ann, bob *person
}

type step struct {
	name string
	do   func() error
}

func (w *walk) steps() []step {
	return []step{
		{"open the page", w.open},
		{"log in as nobody", w.logInAsNobody},
		{"register", func() error { return w.register(w.ann) }},
		{"post a text", func() error { return w.post(w.ann, markup) }},
		{"post a picture", w.photograph},
		{"come back", w.comeBack},
		{"set a password by a link that is none", w.resetByNothing},
		{"register somebody else", w.registerBob},
		{"find and follow", w.findAndFollow},
		{"read the timeline", w.readTimeline},
		{"delete a post", w.deletePost},
		{"log out and in", w.logOutAndIn},
		{"delete the account", w.leave},
		{"see that it is gone", w.seeThatItIsGone},
	}
}

func (w *walk) run(p *person, actions ...action) error {
	return p.run(w.config.Patience, actions...)
}

// empty empties a field.
func empty(selector string) action {
	return chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.querySelector(%q).value = ''", selector))
}

// texts is the texts of the posts that are shown, in JavaScript.
const texts = `Array.from(document.querySelectorAll('.post .text'), e => e.textContent)`

func (w *walk) open() error {
	if err := w.run(w.ann, chromedp.Navigate(w.config.URL), chromedp.WaitVisible("#form-login")); err != nil {
		return err
	}
	return w.look(w.ann, "welcome")
}

func (w *walk) logInAsNobody() error {
	err := w.run(w.ann,
		chromedp.SendKeys("#form-login [name=name]", "nobody"+w.config.Suffix),
		chromedp.SendKeys("#form-login [name=password]", "wrong horse\r"),
		until(`document.querySelector('#form-login .error').textContent.includes('wrong')`))
	if err != nil {
		return err
	}
	return w.look(w.ann, "refused")
}

func (w *walk) register(p *person) error {
	return w.run(p,
		chromedp.Click("#tab-register"),
		chromedp.SendKeys("#form-register [name=name]", p.name),
		chromedp.SendKeys("#form-register [name=mail]", p.name+"@example.org"),
		chromedp.SendKeys("#form-register [name=password]", password),
		chromedp.Click("#form-register button"),
		chromedp.WaitVisible("#composer"),
		until(fmt.Sprintf(`document.querySelector('#nav-self').textContent === %q`, p.name)))
}

func (w *walk) post(p *person, text string) error {
	if err := w.look(p, "home-of-"+p.name[:3]); err != nil {
		return err
	}
	return w.run(p,
		chromedp.SendKeys("#composer-text", text),
		chromedp.Click("#composer .main"),
		until(fmt.Sprintf(`%s[0] === %s`, texts, strconv.Quote(text))),
		until(`!document.querySelector('.post .text *') && document.title !== 'owned'`))
}

func (w *walk) photograph() error {
	file := filepath.Join(w.config.Folder, "sunset.jpeg")
	if err := paint(file); err != nil {
		return err
	}
	err := w.run(w.ann,
		chromedp.SetUploadFiles("#composer [name=picture]", []string{file}),
		chromedp.WaitVisible("#composer .preview img"),
		chromedp.SendKeys("#composer [name=alt]", "a sunset"),
		chromedp.SendKeys("#composer-text", "This evening"))
	if err == nil {
		err = w.look(w.ann, "composing")
	}
	if err != nil {
		return err
	}
	return w.run(w.ann,
		chromedp.Click("#composer .main"),
		until(`document.querySelector('.post img[alt="a sunset"]')?.naturalWidth > 0`),
		until(`!document.querySelector('#composer .preview').checkVisibility() && document.querySelector('#composer-text').value === ''`))
}

// paint makes a picture: a JPEG of 1600 x 1000.
func paint(file string) error {
	m := image.NewRGBA(image.Rect(0, 0, 1600, 1000))
	for y := range 1000 {
		for x := range 1600 {
			c := color.RGBA{uint8(250 - y/10), uint8(160 - y/8), uint8(60 + y/9), 255}
			if dx, dy := x-1100, y-620; dx*dx+dy*dy < 140*140 {
				c = color.RGBA{255, 236, 170, 255}
			}
			if y > 760 {
				c = color.RGBA{uint8(40 + x/40), uint8(44 + y/40), 90, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := jpeg.Encode(f, m, nil); err != nil {
		return err
	}
	return f.Close()
}

func (w *walk) comeBack() error {
	return w.run(w.ann, chromedp.Reload(), until(`document.querySelectorAll('.post').length === 2`),
		until(texts+`[0] === 'This evening'`))
}

// resetByNothing opens a link as those in mails that ask for a new password, which nobody has sent.
func (w *walk) resetByNothing() error {
	link := w.config.URL + "#/reset/" + w.bob.name + "." + strings.Repeat("A", 43)
	err := w.run(w.bob,
		chromedp.Navigate(link), chromedp.WaitVisible("#form-reset"),
		chromedp.SendKeys("#form-reset [name=password]", password),
		chromedp.Click("#form-reset button"),
		until(`document.querySelector('#form-reset .error').textContent.includes('link was used')`))
	if err != nil {
		return err
	}
	return w.look(w.bob, "reset")
}

func (w *walk) registerBob() error {
	if err := w.run(w.bob, chromedp.Navigate(w.config.URL), chromedp.WaitVisible("#form-login")); err != nil {
		return err
	}
	return w.register(w.bob)
}

func (w *walk) findAndFollow() error {
	err := w.run(w.bob,
		chromedp.SendKeys("#find [name=name]", "nobody"+w.config.Suffix+"\r"),
		until(`document.querySelector('#find .error').textContent !== ''`),
		empty("#find [name=name]"),
		chromedp.SendKeys("#find [name=name]", w.ann.name+"\r"),
		chromedp.WaitVisible("#relation"),
		chromedp.Click("#relation"),
		until(`document.querySelector('#relation').textContent === 'Unfollow'`))
	if err != nil {
		return err
	}
	return w.look(w.bob, "profile")
}

// readTimeline waits until a job has brought the posts.
func (w *walk) readTimeline() error {
	err := w.run(w.bob, chromedp.Click("#nav-home"), chromedp.WaitVisible("#composer"),
		until(fmt.Sprintf(`document.querySelector('#following')?.textContent === %q`, w.ann.name)))
	for end := time.Now().Add(w.config.Patience); err == nil; {
		if err = w.run(w.bob, chromedp.Reload(), until(`document.querySelector('#posts')?.children.length > 0`)); err != nil {
			return err
		}
		var count int
		if count, err = ask[int](w.bob, w.config.Patience, `document.querySelectorAll('.post').length`); err != nil {
			return err
		}
		if count == 2 {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("the timeline has %d posts of two", count)
		}
		time.Sleep(200 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	if err := w.post(w.bob, "What a beautiful evening, "+w.ann.name+"."); err != nil {
		return err
	}
	return w.look(w.bob, "timeline")
}

func (w *walk) deletePost() error {
	err := w.run(w.ann, chromedp.Click(".post:nth-child(2) .delete"), chromedp.WaitVisible("#confirm[open]"))
	if err == nil {
		err = w.look(w.ann, "confirm")
	}
	if err != nil {
		return err
	}
	return w.run(w.ann,
		chromedp.Click("#confirm [value=yes]"),
		until(`document.querySelectorAll('.post').length === 1`),
		chromedp.Reload(),
		until(`document.querySelectorAll('.post').length === 1`))
}

func (w *walk) logOutAndIn() error {
	return w.run(w.ann,
		chromedp.Click("#nav-account"), chromedp.WaitVisible("#account[open]"),
		chromedp.Click("#logout"),
		chromedp.WaitVisible("#form-login"),
		chromedp.SendKeys("#form-login [name=name]", w.ann.name),
		chromedp.SendKeys("#form-login [name=password]", password+"\r"),
		chromedp.WaitVisible("#composer"))
}

func (w *walk) leave() error {
	err := w.run(w.ann,
		chromedp.Click("#nav-account"), chromedp.WaitVisible("#account[open]"),
		chromedp.Click("#account summary"),
		chromedp.SendKeys("#form-leave [name=password]", "wrong horse\r"),
		until(`document.querySelector('#form-leave .error').textContent.includes('wrong')`))
	if err == nil {
		err = w.look(w.ann, "account")
	}
	if err != nil {
		return err
	}
	return w.run(w.ann,
		empty("#form-leave [name=password]"),
		chromedp.SendKeys("#form-leave [name=password]", password+"\r"),
		chromedp.WaitVisible("#form-login"),
		chromedp.Reload(),
		chromedp.WaitVisible("#form-login"))
}

func (w *walk) seeThatItIsGone() error {
	err := w.run(w.bob,
		chromedp.Reload(),
		until(`document.querySelectorAll('.post').length === 1`),
		chromedp.Navigate(w.config.URL+"#/@"+w.ann.name),
		until(`document.querySelector('.empty h1')?.textContent.includes('nobody')`))
	if err != nil {
		return err
	}
	return w.look(w.bob, "gone")
}

// look takes pictures of what a person sees: on a screen and on a phone, by day and by night.
func (w *walk) look(p *person, name string) error {
	if w.config.Look == nil {
		return nil
	}
	for _, d := range devices() {
		for _, scheme := range schemes() {
			if err := p.emulate(w.config.Patience, d, scheme); err != nil {
				return err
			}
			png, err := p.shoot(w.config.Patience, 500*time.Millisecond)
			if err != nil {
				return err
			}
			if err := w.config.Look(name+"-"+d.name+"-"+scheme, png); err != nil {
				return err
			}
		}
	}
	return w.run(p, chromedp.ResetViewport())
}
