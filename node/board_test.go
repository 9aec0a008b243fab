package node

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/hw/hwtest"
	"picloud/node/host"
	"picloud/node/host/hosttest"
)

// fullyMetered returns a Pi 5 with all that can be measured.
func fullyMetered() *hwtest.Parts {
	p := hwtest.Pi5()
	own, other := hwtest.NewChip("ina219"), hwtest.NewChip("ina226")
	own.Feed(1, 5*physic.Volt, physic.Ampere, 100)
	other.Feed(1, 5*physic.Volt, physic.Ampere, 10)
	p.Solder("1", 0x40, own)
	p.Solder("1", 0x41, other)
	return p
}

// equipped returns the configuration of that.
func equipped() *Board {
	return &Board{Every: Duration{100 * time.Millisecond}, Config: hw.Config{Relays: []hw.Relay{{Feeds: "pi-2", Pin: "GPIO17"}},
		Meters: []hw.Meter{{Chip: "ina219", Address: 0x40}, {Of: "pi-2", Chip: "ina226", Address: 0x41, Shunt: 10}}}}
}

// boarded runs a node with a store on some hardware, and returns what it logged and what Run returned. During is what happens while it runs, and
// tells whether it is asked to stop then; otherwise it is to end by itself.
func boarded(t *testing.T, parts hw.Parts, more func(*Config), during func(c *Config, n *breakable) (stop bool)) (string, error) {
	t.Helper()
	const at = "127.0.5.2"
	c := &Config{Cloud: "home", Nodes: []string{"pi-1"}, StorePort: hosttest.FreePort(t), HTTP: hosttest.FreePort(t),
		Store: &Store{Groups: [][]string{{"pi-1"}}, Patience: Duration{50 * time.Millisecond}}}
	more(c)
	var log bytes.Buffer
	network := &breakable{Network: &host.RealNetwork{Address: at, Names: map[string]string{"pi-1": at}}}
	h := &host.Host{Name: "pi-1", Network: network, Disk: vfs.NewMem(), Log: slog.New(slog.NewTextHandler(&log, nil)), Hardware: parts}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	given := *c // a node puts defaults into its own
	go func() { ended <- Run(ctx, h, &given) }()
	if during(c, network) {
		cancel()
	}
	err := <-ended
	return log.String(), err
}

// never is when a node ends before anything can happen.
func never(*Config, *breakable) bool { return false }

// breakable is a network whose listeners can be broken.
type breakable struct {
	host.Network
	mu   sync.Mutex
	open []net.Listener
}

// Listen listens.
func (b *breakable) Listen(network, address string) (net.Listener, error) {
	l, err := b.Network.Listen(network, address)
	if err == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.open = append(b.open, l)
	}
	return l, err
}

// breakAll has all listeners fail.
func (b *breakable) breakAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.open {
		l.Close()
	}
}

// scraped waits until a node says something in its metrics.
func scraped(t *testing.T, c *Config, want ...string) {
	t.Helper()
	var said bytes.Buffer
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get("http://127.0.5.2:" + c.HTTP + "/metrics")
		if err != nil {
			continue
		}
		said.Reset()
		said.ReadFrom(answer.Body)
		answer.Body.Close()
		missing := false
		for _, w := range want {
			missing = missing || !strings.Contains(said.String(), w)
		}
		if !missing {
			return
		}
	}
	t.Errorf("it does not say %q:\n%s", want, said.String())
}

func TestANodeSaysHowItsBoardIs(t *testing.T) {
	p := fullyMetered()
	log, err := boarded(t, p, func(c *Config) { c.Board, c.Watchdog = equipped(), Duration{15 * time.Second} }, func(c *Config, _ *breakable) bool {
		scraped(t, c, "picloud_hw_temperature_celsius 47.712", "picloud_hw_supply_amperes 1\n", `picloud_hw_neighbour_amperes{machine="pi-2"} 1`,
			"picloud_hw_fan_rpm 2950", `picloud_hw_known{quantity="card"} 1`, "picloud_watchdog_fed_total 1")
		if !p.Dog().Armed() {
			t.Error("the watchdog does not run")
		}
		if level, driven := p.GPIO("GPIO17").Driven(); level != gpio.Low || !driven {
			t.Error("the relay is not closed")
		}
		return true
	})
	if err != nil || !strings.Contains(log, "Raspberry Pi 5 Model B Rev 1.0") {
		t.Errorf("%v\n%s", err, log)
	}
	if p.Dog().Armed() {
		t.Error("the node was stopped, and its watchdog runs")
	}
}

// TestANodeThatDoesNotBeginStartsNoWatchdog: its port is taken.
func TestANodeThatDoesNotBeginStartsNoWatchdog(t *testing.T) {
	p := hwtest.Pi4B()
	taken, err := (&host.RealNetwork{Address: "127.0.5.2"}).Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	log, err := boarded(t, p, func(c *Config) { c.Watchdog, c.HTTP = Duration{15 * time.Second}, port }, never)
	if err == nil || p.Dog().Armed() {
		t.Errorf("%v\n%s", err, log)
	}
}

// TestAWatchdogOutlivesANodeThatFails: who ends by itself may not disarm it.
func TestAWatchdogOutlivesANodeThatFails(t *testing.T) {
	p := hwtest.Pi4B()
	log, err := boarded(t, p, func(c *Config) { c.Watchdog = Duration{15 * time.Second} }, func(c *Config, n *breakable) bool {
		scraped(t, c, "picloud_watchdog_fed_total 0")
		n.breakAll()
		return false
	})
	if err == nil || !p.Dog().Armed() || !strings.Contains(log, "the node ends by itself, so its watchdog stays armed") {
		t.Errorf("%v\n%s", err, log)
	}
}

func TestBoardsOfNodes(t *testing.T) {
	quick := func(b *Board) func(*Config) { return func(c *Config) { c.Board = b } }
	relay := hw.Config{Relays: []hw.Relay{{Feeds: "pi-2", Pin: "GPIO17"}}}
	for _, c := range []struct {
		name  string
		parts hw.Parts
		more  func(*Config)
		want  string // in the log, or in the error
	}{
		{"a board", hwtest.Pi3BPlus(), quick(nil), `model="Raspberry Pi 3 Model B Plus Rev 1.3"`},
		{"a PC", hwtest.PC(), quick(nil), "level=WARN msg=\"the machine is no board that is known, and only looked at\""},
		{"a board that is only looked at", hwtest.Pi4B(), quick(&Board{Kind: "none"}), `model="Raspberry Pi 4 Model B Rev 1.4"`},
		{"a PC that is to be a Pi", hwtest.PC(), quick(&Board{Kind: "pi"}), "error: node: board: hw: open the board: it is no board that is known"},
		{"a PC with a relay", hwtest.PC(), quick(&Board{Config: relay}), "error: node: board: hw: open the board: it is no board that is known"},
		{"a PC with a watchdog", hwtest.PC(), func(c *Config) { c.Watchdog = Duration{15 * time.Second} }, "error: node: watchdog: hw: use watchdog: the machine is only looked at"},
		{"no hardware, and a relay", nil, quick(&Board{Config: relay}), "error: node: board: the machine that the node runs on has no hardware"},
	} {
		t.Run(c.name, func(t *testing.T) {
			during := func(c *Config, _ *breakable) bool { scraped(t, c, "picloud_node_start_time_seconds"); return true }
			if strings.HasPrefix(c.want, "error: ") {
				during = never
			}
			log, err := boarded(t, c.parts, c.more, during)
			if err != nil {
				log += "error: " + err.Error()
			}
			if !strings.Contains(log, c.want) {
				t.Errorf("%s, want %s", log, c.want)
			}
		})
	}
}
