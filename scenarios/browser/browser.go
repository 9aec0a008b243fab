// Package browser drives pages in a headless Chromium over the DevTools protocol, as a person would. On Pinboard's, from whatever serves it, two
// people register, post a text and a picture, follow, read, delete. The reports of runs are read on several devices.
//
// Invariants: what is typed is typed into the page, and what is checked is what the page shows; an exception in the page, or
// something that its security policy has refused, fails the walk.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"picloud/node/wait"
)

// Config says where the page is.
type Config struct {
	URL      string // of the page, with a slash at the end
	Chromium string // the program; see Find
	Folder   string // for files that are uploaded
	Suffix   string // of the names that are registered, so that they are free: a-z, 0-9
	// Look is given pictures of the page at some moments. Nil for none.
	Look func(name string, png []byte) error
	// Says is what the first screen of a report must say on a desktop.
	Says []Saying
	// Patience bounds each step; 30 s if zero.
	Patience time.Duration
}

// Saying is words that stand under a question.
type Saying struct{ Question, Words string }

// Find returns where Chromium is installed.
func Find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium is installed: Debian's package chromium has one")
}

// open starts Chromium for as long as something is done in it.
func open(ctx context.Context, c Config, do func(chromium context.Context) error) error {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(c.Chromium), chromedp.NoSandbox, chromedp.WindowSize(1200, 900))
	ctx, end := chromedp.NewExecAllocator(ctx, options...)
	defer end()
	chromium, end := chromedp.NewContext(ctx)
	defer end()
	if err := chromedp.Do(chromium); err != nil {
		return fmt.Errorf("browser: start Chromium: %w", err)
	}
	return do(chromium)
}

// Walk walks through the page from registration to the account's end.
func Walk(ctx context.Context, c Config) error {
	if c.Patience == 0 {
		c.Patience = 30 * time.Second
	}
	return open(ctx, c, func(chromium context.Context) error {
		w := &walk{config: c, ann: &person{name: "ann" + c.Suffix}, bob: &person{name: "bob" + c.Suffix}}
		for _, p := range []*person{w.ann, w.bob} {
			if err := p.sitDown(chromium); err != nil {
				return fmt.Errorf("browser: open a window: %w", err)
			}
			defer p.end()
		}
		for _, s := range w.steps() {
			if err := s.do(); err != nil {
				return fmt.Errorf("browser: %s: %w; the page shows %q", s.name, err, w.ann.shows()+"\n"+w.bob.shows())
			}
			if err := errors.Join(w.ann.complaint(), w.bob.complaint()); err != nil {
				return fmt.Errorf("browser: %s: %w", s.name, err)
			}
		}
		return nil
	})
}

// person is somebody before a browser window of his own, with cookies of his own.
type person struct {
	ctx  context.Context
	name string
	end  context.CancelFunc

	mu         sync.Mutex
	complaints []string // of the browser
}

// sitDown opens the person's window.
func (p *person) sitDown(chromium context.Context) error {
	p.ctx, p.end = chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	err := chromedp.Do(p.ctx)
	if err == nil {
		_, err = chromedp.Call(p.ctx, log.Enable, cdp.Empty{})
	}
	if err != nil {
		return err
	}
	return chromedp.Listen(p.ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			p.complain(fmt.Sprintf("%s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork { // what the API refuses is no defect
				p.complain(e.Entry.Text)
			}
		}
	})
}

func (p *person) complain(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complaints = append(p.complaints, text)
}

func (p *person) complaint() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.complaints) == 0 {
		return nil
	}
	return fmt.Errorf("the browser complains for %s: %s", p.name, strings.Join(p.complaints, "; "))
}

// action is something that is done in a window.
type action = chromedp.Action[chromedp.Void]

// run does something in the person's window within some time.
func (p *person) run(limit time.Duration, actions ...action) error {
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	return chromedp.Do(ctx, actions...)
}

// ask evaluates something in the person's window.
func ask[T any](p *person, limit time.Duration, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}

// until waits for a condition of the page, in JavaScript.
func until(condition string) action {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for {
			holds, err := chromedp.Evaluate[bool]("!!("+condition+")")(ctx, t)
			switch {
			case holds:
				return nil
			case !wait.For(ctx, 50*time.Millisecond):
				return errors.Join(fmt.Errorf("it never holds that %s", condition), err)
			}
		}
	})
}

// shows returns what the person sees.
func (p *person) shows() string {
	text, err := ask[string](p, 5*time.Second, `document.body.innerText`)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s: %.1000s", p.name, text)
}
