package telemetry_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"picloud/hw"
	"picloud/hw/board"
	"picloud/hw/hwtest"
	"picloud/hw/telemetry"
	"picloud/node/metricstest"
)

// watched runs a sampler of a machine for the test.
func watched(t *testing.T, p *hwtest.Parts, c hw.Config) (*telemetry.Sampler, *prometheus.Registry) {
	t.Helper()
	b, err := board.Open(p, c)
	if err != nil {
		if b, err = board.Any(p); err != nil {
			t.Fatal(err)
		}
	}
	s, err := telemetry.New(b, telemetry.Config{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	metrics := prometheus.NewPedanticRegistry()
	metrics.MustRegister(s)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s, metrics
}

func TestMetricsOfABoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := hwtest.Pi5()
		chip := hwtest.NewChip("ina219")
		chip.Feed(1, 5_000_000_000, 400_000_000, 100)
		p.Solder("1", 0x40, chip)
		_, metrics := watched(t, p, hw.Config{Meters: []hw.Meter{{Of: "pi-2", Chip: "ina219", Address: 0x40}}})
		time.Sleep(1500 * time.Millisecond)
		sum := func(name string, labels ...string) float64 {
			return metricstest.Sum(t, metrics, "picloud_hw_"+name, labels...)
		}
		for _, c := range []struct {
			name   string
			labels []string
			want   float64
		}{
			{"temperature_celsius", nil, 47.712}, {"clock_hertz", nil, 2.4e9}, {"supply_volts", nil, 5.118}, {"fan_rpm", nil, 2950}, {"fan_duty_ratio", nil, 0.294},
			{"card_read_only", nil, 0}, {"card_written_bytes_total", nil, 52428800 << 10}, {"link_up", nil, 1}, {"link_changes_total", nil, 2},
			{"link_bits_per_second", nil, 1e9}, {"pressure_cpu_seconds_total", nil, 2.5}, {"neighbour_volts", []string{"pi-2"}, 5}, {"neighbour_amperes", []string{"pi-2"}, 0.4},
			{"known", []string{"temperature"}, 1}, {"known", []string{"supply-current"}, 0}, {"expected", []string{"supply-current"}, 0}, {"expected", []string{"fan-speed"}, 1},
			{"known", []string{"neighbour-current of pi-2"}, 1}, {"max_clock_hertz", nil, 2.4e9}, {"hard_limit_celsius", nil, 85}, {"reading_age_seconds", nil, 0.5},
			{"board_info", []string{"Raspberry Pi 5 Model B Rev 1.0", "c04170"}, 1}, {"events_total", nil, 0},
		} {
			if got := sum(c.name, c.labels...); got != c.want {
				t.Errorf("%s%v is %v, want %v", c.name, c.labels, got, c.want)
			}
		}
	})
}

// TestWhatIsUnknownHasNoFigure: a zero would be taken for one.
func TestWhatIsUnknownHasNoFigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, metrics := watched(t, hwtest.Debian(), hw.Config{})
		synctest.Wait()
		for _, name := range []string{"clock_hertz", "throttled", "under_voltage", "supply_volts", "supply_amperes", "fan_rpm", "neighbour_volts"} {
			if n, err := testutil.GatherAndCount(metrics, "picloud_hw_"+name); n != 0 || err != nil {
				t.Errorf("%s has %d figures (%v)", name, n, err)
			}
		}
		if n, err := testutil.GatherAndCount(metrics, "picloud_hw_temperature_celsius"); n != 1 || err != nil {
			t.Errorf("its temperature has %d figures (%v)", n, err)
		}
	})
}

func TestEventsAreCountedWhenTheyBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := hwtest.Pi4B()
		s, metrics := watched(t, p, hw.Config{})
		events := func(what string) float64 { return metricstest.Sum(t, metrics, "picloud_hw_events_total", what) }
		pass := func() { time.Sleep(time.Second); synctest.Wait() }
		pass()
		const alarm = "/sys/class/hwmon/hwmon1/in0_lcrit_alarm"
		for round := range 3 {
			p.Set(alarm, "1\n")
			p.Firmware().Throttle(hw.CappedNow)
			pass()
			pass() // the kernel says so for two seconds
			p.Set(alarm, "0\n")
			p.Firmware().Throttle(0)
			pass()
			if events("under-voltage") != float64(round+1) || events("capped") != float64(round+1) || events("throttled") != 0 {
				t.Errorf("after %d times: %v, %v, %v", round+1, events("under-voltage"), events("capped"), events("throttled"))
			}
		}
		p.Set(alarm, "broken\n")
		p.Firmware().Fail(true)
		p.Remove("/sys/devices/platform/soc")
		pass()
		if r, at := s.Last(); r.UnderVoltage.Known() || time.Since(at) > time.Second {
			t.Errorf("read at %s: %+v", at, r.UnderVoltage)
		}
		if events("under-voltage") != 3 {
			t.Error("what is not known is no event")
		}
	})
}

// TestTheLogIsToldOnce of what is not known for longer than one reading, and when it is known again.
func TestTheLogIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, chip := hwtest.Pi4B(), hwtest.NewChip("ina219")
		p.Solder("1", 0x40, chip)
		b, err := board.Open(p, hw.Config{Meters: []hw.Meter{{Chip: "ina219", Address: 0x40}}})
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		s, err := telemetry.New(b, telemetry.Config{}, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		time.Sleep(5500 * time.Millisecond) // the meter is new
		chip.BrownOut()
		time.Sleep(5 * time.Second)
		chip.Break(true)
		time.Sleep(5 * time.Second)
		chip.Break(false)
		time.Sleep(5 * time.Second)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		gone, back := strings.Count(log.String(), "the board does not say"), strings.Count(log.String(), "the board says again")
		if gone != 2 || back != 2 { // voltage and current
			t.Errorf("%d times not known, %d times known again:\n%s", gone, back, log.String())
		}
	})
}

// TestABoardThatHangs: what was read last stays, and says how old it is.
func TestABoardThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := board.Open(hwtest.Pi4B(), hw.Config{})
		if err != nil {
			t.Fatal(err)
		}
		slow := &hanging{Board: b, from: time.Now().Add(3 * time.Second)}
		s, err := telemetry.New(slow, telemetry.Config{Every: time.Second}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		metrics := prometheus.NewRegistry()
		metrics.MustRegister(s)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		time.Sleep(40 * time.Second)
		if age := metricstest.Sum(t, metrics, "picloud_hw_reading_age_seconds"); age != 38 {
			t.Errorf("the reading is %v s old", age)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// hanging is a board that takes a minute to be read from some time on.
type hanging struct {
	hw.Board
	from time.Time
}

func (h *hanging) Read() hw.Reading {
	if !time.Now().Before(h.from) {
		time.Sleep(time.Minute)
	}
	return h.Board.Read()
}
