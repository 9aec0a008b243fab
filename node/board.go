package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"picloud/hw"
	"picloud/hw/board"
	"picloud/hw/telemetry"
	"picloud/node/store"
	"picloud/node/watch"
)

// Board says what the node takes its machine for, and what is wired to it.
type Board struct {
	// Kind is pi for a Raspberry Pi, none for a machine that is only looked at; auto, which is taken if it is left out, finds out.
	Kind      string   `yaml:"kind,omitempty"`
	Every     Duration `yaml:"every,omitempty"` // how often the board is read; 1s if it is left out
	hw.Config `yaml:",inline"`
}

// The kinds.
const (
	boardAuto = "auto"
	boardNone = "none"
	boardPi   = "pi"
)

func (c *Config) validateBoard() error {
	if d := c.Watchdog.Duration; d != 0 && d < watch.Shortest {
		return fmt.Errorf("node: watchdog: %s is less than %s, which a round that comes late needs", d, watch.Shortest)
	}
	if c.Board == nil {
		c.Board = &Board{}
	}
	if err := c.Board.Validate(); err != nil {
		return fmt.Errorf("node: %w", err)
	}
	return nil
}

// Validate puts defaults where nothing stands, and says what is wrong with the configuration.
func (b *Board) Validate() error {
	b.Kind, b.Every.Duration = cmp.Or(b.Kind, boardAuto), cmp.Or(b.Every.Duration, time.Second)
	switch b.Kind {
	case boardAuto, boardPi:
	case boardNone:
		if b.wired() {
			return errors.New("board: what is wired to it (fan-pin, relays, meters) wants kind pi")
		}
	default:
		return fmt.Errorf("board.kind: %q is none of auto, none, pi", b.Kind)
	}
	sampling := telemetry.Config{Every: b.Every.Duration}
	if err := sampling.Validate(); err != nil {
		return fmt.Errorf("board.%w", err)
	}
	if err := b.Config.Validate(); err != nil {
		return fmt.Errorf("board.%w", err)
	}
	return nil
}

// wired tells whether anything is wired to the board.
func (b *Board) wired() bool {
	return b.FanPin != "" || len(b.Relays)+len(b.BackupRelays)+len(b.Meters) > 0
}

// beginBoard opens the board of the machine, if that has parts, and looks at it.
func (n *node) beginBoard(run runs) error {
	c := n.config.Board
	if n.host.Hardware == nil {
		if c.Kind == boardPi || c.wired() || n.config.Watchdog.Duration > 0 {
			return errors.New("node: board: the machine that the node runs on has no hardware")
		}
		return nil
	}
	b, err := OpenBoard(n.host.Hardware, c)
	if err != nil {
		return fmt.Errorf("node: board: %w", err)
	}
	n.board = b
	n.closers = append(n.closers, b.Close)
	info := b.Info()
	n.host.Log.Info("board", "model", info.Model, "revision", info.Revision, "cores", info.Cores, "relays", info.Relays)
	if c.Kind == boardAuto && errors.Is(info.Has[hw.DriveHalt], board.ErrOnlyLooked) {
		n.host.Log.Warn("the machine is no board that is known, and only looked at", "model", info.Model)
	}
	s, err := telemetry.New(b, telemetry.Config{Every: c.Every.Duration}, n.host.Log)
	if err != nil {
		return fmt.Errorf("node: board: %w", err)
	}
	n.sampler = s
	if err := n.metrics.Register(s); err != nil {
		return fmt.Errorf("node: metrics of the board: %w", err)
	}
	run("board", s.Run)
	return nil
}

// OpenBoard opens the board of a machine as its configuration, which is valid, says.
func OpenBoard(parts hw.Parts, c *Board) (hw.Board, error) {
	if c.Kind == boardNone {
		return board.Any(parts)
	}
	b, err := board.Open(parts, c.Config)
	if errors.Is(err, board.ErrUnknown) && c.Kind == boardAuto && !c.wired() {
		return board.Any(parts)
	}
	return b, err
}

// beginWatchdog starts the watchdog and its feeder. Once the node was asked to stop the watchdog is disarmed; of a node that ends by itself it is
// not, so unless another one takes it the board resets.
func (n *node) beginWatchdog(s *store.Store, run runs) error {
	if n.config.Watchdog.Duration == 0 {
		return nil
	}
	dog, err := n.board.StartWatchdog(n.config.Watchdog.Duration)
	if err != nil {
		return fmt.Errorf("node: watchdog: %w", err)
	}
	loops := []watch.Loop{watch.Disk(n.host.Disk), watch.Network(n.host, n.config.HTTP)}
	if s != nil {
		loops = append(loops, watch.Loop{Name: "store", Round: func(context.Context) error { return s.Alive() }})
	}
	f := watch.New(dog, loops, n.host.Log)
	for _, c := range f.Collectors() {
		if err := n.metrics.Register(c); err != nil {
			return errors.Join(fmt.Errorf("node: metrics of the watchdog: %w", err), dog.Disarm())
		}
	}
	n.host.Log.Info("watchdog runs", "timeout", dog.Timeout().String())
	run("watchdog", func(ctx context.Context) error {
		err := f.Run(ctx)
		if !n.asked() {
			n.host.Log.Warn("the node ends by itself, so its watchdog stays armed", "resets_in_at_most", dog.Timeout().String())
			return err
		}
		if err := dog.Disarm(); err != nil {
			n.host.Log.Error("the watchdog does not let itself be disarmed", "error", err.Error())
		}
		return err
	})
	return nil
}
