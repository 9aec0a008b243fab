package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Study looks at the report of a run, at c.URL, on each device by day and by night: nothing comes from the network, no script fails, nothing
// is wider than the window. The answers about the incident stand in the first screen of a desktop; the cursor, zoom and the rack do what they
// say; and without scripts the page can be read.
func Study(ctx context.Context, c Config) error {
	if c.Patience == 0 {
		c.Patience = 30 * time.Second
	}
	return open(ctx, c, func(chromium context.Context) error {
		reader := &person{name: "the reader"}
		if err := reader.sitDown(chromium); err != nil {
			return fmt.Errorf("browser: open a window: %w", err)
		}
		defer reader.end()
		s := &study{config: c, person: reader}
		if err := s.watchNetwork(); err != nil {
			return err
		}
		for _, d := range devices() {
			for _, scheme := range schemes() {
				if err := errors.Join(s.read(d, scheme), reader.complaint()); err != nil {
					return fmt.Errorf("browser: read %s on a %s, %s: %w", c.URL, d.name, scheme, err)
				}
			}
		}
		return s.withoutScript()
	})
}

type study struct {
	config Config
	*person
}

// watchNetwork complains of everything that the page loads.
func (s *study) watchNetwork() error {
	if _, err := chromedp.Call(s.ctx, network.Enable, network.EnableParams{}); err != nil {
		return err
	}
	return chromedp.Listen(s.ctx, func(event any) {
		if e, is := event.(*network.EventRequestWillBeSent); is && e.Request.URL != s.config.URL && !strings.HasSuffix(e.Request.URL, "/favicon.ico") {
			s.complain("the page loads " + e.Request.URL)
		}
	})
}

// do runs actions within the patience.
func (s *study) do(actions ...action) error { return s.run(s.config.Patience, actions...) }

func (s *study) read(d device, scheme string) error {
	if err := s.emulate(s.config.Patience, d, scheme); err != nil {
		return err
	}
	err := s.do(chromedp.Navigate(s.config.URL), until(`document.querySelector('main')`))
	if err == nil {
		err = s.fits(d)
	}
	if err == nil && d.name == "screen" {
		err = s.answers()
	}
	if live, bad := ask[bool](s.person, s.config.Patience, `!!document.getElementById('rack')`); err == nil && live {
		err = errors.Join(bad, s.interact())
	}
	if err != nil || s.config.Look == nil {
		return err
	}
	return s.shootWhole(d.name+"-"+scheme, d, scheme)
}

// answers looks for what the first screen must say, before anybody has scrolled.
func (s *study) answers() error {
	const above = `e.getBoundingClientRect().top >= 0 && e.getBoundingClientRect().bottom <= innerHeight`
	if err := s.do(until(`scrollY === 0 && [...document.querySelectorAll('.incident dd')].every(e => ` + above + `)`)); err != nil {
		return err
	}
	for _, say := range s.config.Says {
		words, err := json.Marshal([]string{say.Question, say.Words})
		if err != nil {
			return err
		}
		said, err := ask[bool](s.person, s.config.Patience, fmt.Sprintf(`(([question, words]) => [...document.querySelectorAll('.incident dd')].some(e =>
			e.previousElementSibling.innerText === question && e.innerText.includes(words) && `+above+`))(%s)`, words))
		if err != nil || !said {
			return errors.Join(err, fmt.Errorf("the first screen does not say %q under %q", say.Words, say.Question))
		}
	}
	return nil
}

// fits says what is wider than a device. What can be scrolled to within a box of its own is not.
func (s *study) fits(d device) error {
	wide, err := ask[[]string](s.person, s.config.Patience, fmt.Sprintf(`(width => document.documentElement.scrollWidth <= width ? [] :
		['' + document.documentElement.scrollWidth, ...[...document.querySelectorAll('main *')].filter(e => !e.closest('.wide') &&
			(e.getBoundingClientRect().right > width || e.clientWidth > 0 && e.scrollWidth > e.clientWidth)).map(e => e.tagName.toLowerCase() + '.' + e.className + ' ' + e.textContent.slice(0, 40))])(%d)`, d.width))
	if err == nil && len(wide) > 0 {
		err = fmt.Errorf("wider than the window: %q", wide[:min(len(wide), 6)])
	}
	return err
}

// interact moves the cursor, looks closer, looks at all again, plays the run back, and looks at its end.
func (s *study) interact() error {
	const first = `document.querySelector('svg[data-plot=operations]')`
	if err := s.do(until(`document.documentElement.classList.contains('live')`), chromedp.ScrollIntoView("svg[data-plot=operations]")); err != nil {
		return err
	}
	type place struct{ X, Y, Width, Height float64 }
	box, err := ask[place](s.person, s.config.Patience, `(() => { const b = `+first+`.getBoundingClientRect(); return {X: b.x, Y: b.y, Width: Math.min(b.width, innerWidth - b.x), Height: b.height} })()`)
	if err != nil {
		return err
	}
	at := func(share float64) (x, y float64) { return box.X + box.Width*share, box.Y + box.Height/2 }
	move := func(kind input.DispatchMouseEventType, share float64, options ...chromedp.MouseOption) action {
		x, y := at(share)
		return chromedp.MouseEvent(kind, x, y, options...)
	}
	const readout = `document.querySelector('.readout').textContent`
	return s.do(
		move(chromedp.MouseMoved, 0.5), until(readout+`.includes(' ok, ') && !`+readout+`.startsWith('0.0 s')`),
		move(chromedp.MousePressed, 0.5, chromedp.ButtonLeft), move(chromedp.MouseMoved, 0.8, chromedp.ButtonLeft), move(chromedp.MouseReleased, 0.8, chromedp.ButtonLeft),
		until(first+`.querySelector('.time g').getAttribute('transform') !== 'matrix(1 0 0 1 0 0)'`),
		chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll('.controls button')].find(b => b.textContent === 'Whole run').click()`),
		until(first+`.querySelector('.time g').getAttribute('transform') === 'matrix(1 0 0 1 0 0)'`),
		chromedp.Evaluate[chromedp.Void](`window.before = document.querySelector('.controls output').textContent; document.querySelector('.controls button').click()`),
		until(`document.querySelector('.controls output').textContent !== window.before`),
		chromedp.Evaluate[chromedp.Void](`document.querySelector('.controls button').click()`),
		until(`document.querySelector('.controls button').textContent === 'Play'`),
		move(chromedp.MousePressed, 0.5, chromedp.ButtonRight), move(chromedp.MouseMoved, 0.7),
		until(`document.querySelector('.controls output').textContent !== window.before && +`+first+`.querySelector('.shade').getAttribute('width') === 0`),
		move(chromedp.MouseReleased, 0.7, chromedp.ButtonRight),
		chromedp.Evaluate[chromedp.Void](`(slider => { slider.value = slider.max; slider.dispatchEvent(new Event('input')) })(document.querySelector('.controls input'))`),
		until(`(run => run.machines.every(m => [...m.leads, ...m.states].filter(x => x.to >= run.end).every(x =>
			[...document.querySelectorAll('.tile')].some(t => t.querySelector('b').textContent === m.name && t.innerText.includes(x.kind || 'leads ' + x.group)))))(JSON.parse(document.getElementById('run').textContent))`),
	)
}

// withoutScript reads the page with scripts off.
func (s *study) withoutScript() error {
	if _, err := chromedp.Call(s.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		return err
	}
	err := s.do(chromedp.Navigate(s.config.URL), until(`document.querySelector('svg rect') && !document.documentElement.classList.contains('live')`),
		until(`!document.getElementById('rack') || document.getElementById('rack').hidden`))
	if err != nil {
		return fmt.Errorf("browser: read %s without scripts: %w", s.config.URL, err)
	}
	return s.complaint()
}

// shootWhole takes a picture of the whole page.
func (s *study) shootWhole(name string, d device, scheme string) error {
	height, err := ask[int64](s.person, s.config.Patience, `document.documentElement.scrollHeight`)
	if err != nil {
		return err
	}
	d.height = height
	if err := s.emulate(s.config.Patience, d, scheme); err != nil {
		return err
	}
	png, err := s.shoot(s.config.Patience, 200*time.Millisecond)
	if err != nil {
		return err
	}
	return s.config.Look(name, png)
}
