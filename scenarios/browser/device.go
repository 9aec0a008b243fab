package browser

import (
	"context"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"picloud/node/wait"
)

// device is what a page is looked at with.
type device struct {
	name          string
	width, height int64
	mobile        bool
}

func devices() []device { return []device{{"screen", 1280, 900, false}, {"phone", 390, 800, true}} }

// schemes are colours by day and by night.
func schemes() []string { return []string{"light", "dark"} }

// emulate makes a window one on a device.
func (p *person) emulate(limit time.Duration, d device, scheme string) error {
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	size := emulation.SetDeviceMetricsOverrideParams{Width: d.width, Height: d.height, DeviceScaleFactor: 1, Mobile: d.mobile}
	if _, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, size); err != nil {
		return err
	}
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
	return err
}

// shoot takes a picture of a window, once what moves has come to rest.
func (p *person) shoot(limit, rest time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	wait.For(ctx, rest)
	return chromedp.Run(ctx, chromedp.CaptureScreenshot())
}
