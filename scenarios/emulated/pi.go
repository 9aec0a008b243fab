// Package emulated boots Raspberry Pis 3 Model B in QEMU, with Debian's kernel and the real picloud on it, so that what a node reads of a
// board and does to it is checked against the kernel's own drivers: files, pins, watchdog. Several Pis can be put on a switch, to
// form a cloud.
//
// It lies with the scenarios, not with the board's parts, because it runs the program as a whole and stands on what runs nodes as
// processes.
//
// Invariants: a guest is reached at 127.0.0.1 only, and reaches nothing outside; its process ends with the one that started it; nothing
// that is downloaded lies in the checkout.
package emulated

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"picloud/node/wait"
	"picloud/scenarios/emulated/inside"
	"picloud/scenarios/shelf"
)

// qemu is the program, of Debian's package qemu-system-arm.
const qemu = "qemu-system-aarch64"

// Config says which Pi to boot.
type Config struct {
	Kernel *Kernel
	Initrd string // see Build
	Folder string // for its console
	Number byte   // from 1: of its addresses
	Switch string // where the cable of its second network card goes; empty if it has none
	HTTP   string // the port of its node
}

// Pi is an emulated Pi that was switched on.
type Pi struct {
	Name    string
	Address netip.Addr       // its own, of the network with the other Pis if there is one
	Card    net.HardwareAddr // of that network
	HTTP    string           // its node's HTTP server, "127.0.0.1:40123"

	inside  string // the first process's server
	console string // the file
	process *os.Process
	said    bytes.Buffer  // what QEMU itself says; to be read when it has ended
	ended   chan struct{} // closed when it has
	err     error         // how; to be read then
}

// bootWithin bounds how long a guest may take until it serves. Alone on a machine one takes 20 s.
const bootWithin = 10 * time.Minute

// Boot switches a Pi on, and off when the context ends. It returns when the guest serves; one that does not is switched off.
func Boot(ctx context.Context, c Config) (*Pi, error) {
	p := &Pi{Name: fmt.Sprint("pi-", c.Number), ended: make(chan struct{})}
	p.console = filepath.Join(c.Folder, p.Name+".console")
	ports, err := shelf.FreePorts("127.0.0.1", 2)
	if err != nil {
		return nil, fmt.Errorf("emulated: find ports: %w", err)
	}
	p.HTTP, p.inside = net.JoinHostPort("127.0.0.1", ports[0]), net.JoinHostPort("127.0.0.1", ports[1])
	cmd := exec.CommandContext(ctx, qemu, p.arguments(c)...)
	cmd.Stdout, cmd.Stderr = &p.said, &p.said
	started := make(chan struct{})
	go func() {
		defer close(p.ended)
		p.err = shelf.Run(cmd, func(process *os.Process) error {
			p.process = process
			close(started)
			return nil
		})
	}()
	select {
	case <-started:
	case <-p.ended:
		return nil, fmt.Errorf("emulated: start QEMU: %w", p.err)
	}
	waiting, cancel := context.WithTimeout(ctx, bootWithin)
	defer cancel()
	for {
		if _, err = p.File(waiting, "/proc/uptime"); err == nil {
			return p, nil
		}
		if p.Ended() {
			return nil, p.explain(fmt.Errorf("it has ended before it served: %v: %s", p.err, p.said.Bytes()))
		}
		if !wait.For(waiting, time.Second) {
			return nil, errors.Join(p.explain(fmt.Errorf("it does not serve within %s: %w", bootWithin, err)), p.Kill())
		}
	}
}

// arguments returns QEMU's, and notes the Pi's addresses. The console is the second serial line: the first one is Bluetooth's. The model's
// network cards are on USB. QEMU's own network lets nothing out (restrict) and forwards two ports of 127.0.0.1.
func (p *Pi) arguments(c Config) []string {
	outside := inside.Link{Card: net.HardwareAddr{0x52, 0x54, 0, 0, 1, c.Number}, Address: netip.MustParsePrefix("10.0.2.15/24")}
	setup := inside.Setup{Time: time.Now(), Links: []inside.Link{outside}}
	p.Address, p.Card = outside.Address.Addr(), outside.Card
	var cable []string
	if c.Switch != "" {
		p.Address, p.Card = netip.AddrFrom4([4]byte{10, 9, 0, c.Number}), net.HardwareAddr{0x52, 0x54, 0, 0, 2, c.Number}
		setup.Links = append(setup.Links, inside.Link{Card: p.Card, Address: netip.PrefixFrom(p.Address, 24)})
		cable = []string{"-netdev", "socket,id=cable,connect=" + c.Switch, "-device", "usb-net,netdev=cable,mac=" + p.Card.String()}
	}
	return append([]string{
		"-M", "raspi3b", "-kernel", c.Kernel.Image, "-dtb", c.Kernel.Tree, "-initrd", c.Initrd,
		"-nodefaults", "-display", "none", "-no-reboot", "-monitor", "none", "-serial", "null", "-serial", "file:" + p.console,
		"-netdev", fmt.Sprintf("user,id=out,restrict=on,hostfwd=tcp:%s-%s:%s,hostfwd=tcp:%s-%s:%s",
			p.HTTP, p.Address, c.HTTP, p.inside, outside.Address.Addr(), inside.Port),
		"-device", "usb-net,netdev=out,mac=" + outside.Card.String(),
		"-append", "console=ttyS1,115200 quiet loglevel=4 rdinit=/" + inside.Init + " panic=1 " + setup.String(),
	}, cable...)
}

// Ended tells whether the board is off: it was switched off, or has reset itself.
func (p *Pi) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// EndsWithin waits for the board to be off, and tells whether that came within a time.
func (p *Pi) EndsWithin(ctx context.Context, d time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	select {
	case <-p.ended:
		return true
	case <-ctx.Done():
		return false
	}
}

// Kill switches the board off, as a cut of its power does.
func (p *Pi) Kill() error {
	if err := p.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("emulated: switch %s off: %w", p.Name, err)
	}
	<-p.ended
	return nil
}

// Console returns the end of what the board has said on its console.
func (p *Pi) Console() string {
	const most = 3000
	text, err := os.ReadFile(p.console)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

func (p *Pi) explain(err error) error {
	return fmt.Errorf("emulated: %s: %w; the end of its console:\n%s", p.Name, err, p.Console())
}

// File reads a file of the guest.
func (p *Pi) File(ctx context.Context, path string) (string, error) {
	answer, err := p.ask(ctx, "GET", "/file", url.Values{"path": {path}}, nil)
	return strings.TrimSpace(string(answer)), err
}

// WriteFile writes a file of the guest.
func (p *Pi) WriteFile(ctx context.Context, path string, content []byte) error {
	_, err := p.ask(ctx, "PUT", "/file", url.Values{"path": {path}}, content)
	return err
}

// Run runs a program in the guest until it ends.
func (p *Pi) Run(ctx context.Context, args ...string) (e inside.Ended, err error) {
	err = p.command(ctx, "/run", args, &e)
	return e, err
}

// Start starts a program in the guest, in the place of the node.
func (p *Pi) Start(ctx context.Context, args ...string) error {
	return p.command(ctx, "/start", args, nil)
}

func (p *Pi) command(ctx context.Context, path string, args []string, into any) error {
	list, err := json.Marshal(args)
	if err != nil {
		return err
	}
	answer, err := p.ask(ctx, "POST", path, nil, list)
	if err == nil && into != nil {
		err = json.Unmarshal(answer, into)
	}
	return err
}

// Signal sends the node a signal.
func (p *Pi) Signal(ctx context.Context, s syscall.Signal) error {
	_, err := p.ask(ctx, "POST", "/signal", url.Values{"number": {fmt.Sprint(int(s))}}, nil)
	return err
}

// NodeEnded returns how the node has ended; fs.ErrNotExist while it runs.
func (p *Pi) NodeEnded(ctx context.Context) (e inside.Ended, err error) {
	answer, err := p.ask(ctx, "GET", "/node", nil, nil)
	if err == nil {
		err = json.Unmarshal(answer, &e)
	}
	return e, err
}

// Pin has periph, in a program of its own beside it, set a pin high or low, or read it.
func (p *Pi) Pin(ctx context.Context, name, do string) (string, error) {
	answer, err := p.ask(ctx, "POST", "/pin", url.Values{"name": {name}, "do": {do}}, nil)
	return string(answer), err
}

// ask asks the guest's first process.
func (p *Pi) ask(ctx context.Context, method, path string, query url.Values, body []byte) ([]byte, error) {
	at := url.URL{Scheme: "http", Host: p.inside, Path: path, RawQuery: query.Encode()}
	return Ask(ctx, method, at.String(), nil, body)
}

// askWithin bounds a request: a guest answers within a second where nothing else runs, and its network may be cut off at any time.
const askWithin = time.Minute

// Ask sends a guest a request and returns the answer; os.ErrNotExist for status 404.
func Ask(ctx context.Context, method, at string, header http.Header, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for key, values := range header {
		r.Header[key] = values
	}
	r.Close = true // a connection that is kept may lead to a board that was off meanwhile
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return nil, err
	case answer.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%s %s: %s: %w", method, at, bytes.TrimSpace(content), os.ErrNotExist)
	case answer.StatusCode >= 300:
		return nil, fmt.Errorf("%s %s: %s: %s", method, at, answer.Status, bytes.TrimSpace(content))
	}
	return content, nil
}
