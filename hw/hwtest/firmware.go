package hwtest

import (
	"errors"
	"sync"
	"time"

	"picloud/hw"
)

// Mailbox is a firmware that answers.
type Mailbox struct {
	mu           sync.Mutex
	throttled    uint32
	clock        uint32 // hertz
	milliCelsius uint32
	rails        string // the text of pmic_read_adc; empty where there is none
	fails        bool
}

// Throttle sets what the firmware does now; what it has done before it remembers until it is told to forget.
func (m *Mailbox) Throttle(now hw.Throttling) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.throttled = m.throttled&^0xffff | uint32(now) | uint32(now)<<16
}

// Fail has the firmware answer no more, or again.
func (m *Mailbox) Fail(fails bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fails = fails
}

// Rails sets what a Pi 5 says of its supplies.
func (m *Mailbox) Rails(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rails = text
}

const answered = 0x80000000

func (m *Mailbox) property(message []uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails {
		return &hw.Error{Kind: hw.Failed, Doing: "ask", What: "the firmware", Err: errors.New("it does not answer")}
	}
	if len(message) < 6 || int(message[0]) != len(message)*4 || int(message[3]) != (len(message)-6)*4 {
		return &hw.Error{Kind: hw.Invalid, Doing: "ask", What: "the firmware", Err: errors.New("sizes are not those of the message")}
	}
	message[1] = answered
	room := message[5 : len(message)-1]
	size := uint32(8)
	switch message[2] {
	case 0x00030046:
		forget := room[0]
		room[0], size = m.throttled, 4
		m.throttled &^= forget << 16
	case 0x00030006:
		room[1] = m.milliCelsius
	case 0x00030047:
		room[1] = m.clock
	case 0x00030003:
		room[1] = 850_000
	case 0x00030080:
		size = m.command(room)
	default:
		return nil
	}
	message[4] = answered | size
	return nil
}

// command answers a command with a text, or with an error if it does not know it.
func (m *Mailbox) command(room []uint32) uint32 {
	asked := make([]byte, 0, 4*len(room))
	for _, w := range room[1:] {
		asked = append(asked, byte(w), byte(w>>8), byte(w>>16), byte(w>>24))
	}
	clear(room)
	if m.rails == "" || string(asked[:14]) != "pmic_read_adc\x00" {
		room[0] = 1
		return 4
	}
	for i := range len(m.rails) {
		room[1+i/4] |= uint32(m.rails[i]) << (8 * (i % 4))
	}
	return uint32(len(m.rails) + 5)
}

// Watchdog is a watchdog on the clock of the test.
type Watchdog struct {
	mu      sync.Mutex
	opened  bool
	fed     time.Time
	timeout time.Duration
	longest time.Duration
}

func (w *Watchdog) open() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.opened {
		return &hw.Error{Kind: hw.Failed, Doing: "open", What: "the watchdog", Err: errors.New("it is in use")}
	}
	w.opened, w.fed, w.timeout = true, time.Now(), w.longest
	return nil
}

// Bites tells whether the watchdog would have reset the machine by now.
func (w *Watchdog) Bites() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opened && time.Since(w.fed) >= w.timeout
}

// Armed tells whether it runs.
func (w *Watchdog) Armed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opened
}

// SetTimeout sets the timeout, as far as the watchdog can wait.
func (w *Watchdog) SetTimeout(d time.Duration) (time.Duration, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timeout = max(time.Second, min(d.Truncate(time.Second), w.longest))
	return w.timeout, nil
}

// Feed feeds it.
func (w *Watchdog) Feed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.opened {
		return &hw.Error{Kind: hw.Failed, Doing: "feed", What: "the watchdog", Err: errors.New("it is disarmed")}
	}
	if time.Since(w.fed) < w.timeout { // it bites once
		w.fed = time.Now()
	}
	return nil
}

// Disarm stops it.
func (w *Watchdog) Disarm() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened = false
	return nil
}
