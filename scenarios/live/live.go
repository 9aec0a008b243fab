// Package live runs a cloud of three nodes as real processes on this machine, loads it, and kills the nodes
// with kill -9 again and again, now and then all at once; or it has the monkey play a schedule on it, of all
// kinds that can be played on processes. What the clients saw is judged by the checks that judge the
// simulation, which plays the same schedule on the scenario that the run leaves.
//
// It shows what the simulator leaves out: the real kernel, network stack, file system and clock, goroutines
// on several cores, and what a real process needs to begin and to end. The seed decides which node is killed
// when, and nothing else: no two runs are equal.
//
// A killed process leaves its page cache, so a plain run says nothing about syncs. With Config.DropUnsynced
// the nodes stand on a disk that forgets what was not synced, and a kill is to their data what a power cut is.
//
// That it finds bugs is seen by planting one (see package picloud/node/mutant). Both of these runs fail, the first
// by nearly all checks, the second by linearizable and serializable:
//
//	go build -tags mutant,mutant_unsynced_log -o bin/mutant . && bin/mutant live -drop-unsynced
//	go build -tags mutant,mutant_hasty_answer -o bin/mutant . && bin/mutant live
//
// Invariants: when a run has ended, its processes have ended; a verdict that is not a pass names a check.
package live

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"picloud/chaos"
	"picloud/chaos/monkey"
	"picloud/node"
	"picloud/node/host"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/history"
	"picloud/scenarios/shelf"
	"picloud/scenarios/storecloud"
)

// Config says what a run does.
type Config struct {
	Program      string        // picloud, which the nodes run
	Seed         uint64        // of the plan of kills
	Kills        int           // of processes
	Limit        time.Duration // after which nobody is killed any more, on a machine that is too slow
	DropUnsynced bool          // a kill takes away what was not synced

	// Schedule is played in place of the kills, in the time of the run.
	Schedule chaos.Schedule

	Folder string // for what the run leaves
	Replay string // the command that does the same again, for the report
}

// Validate says what is wrong with the configuration.
func (c *Config) Validate() error {
	switch {
	case c.Program == "" || c.Folder == "":
		return errors.New("live: a run needs a program and a folder")
	case len(c.Schedule) == 0 && c.Kills < 3:
		return fmt.Errorf("live: %d kills, it must be 3 or more: all nodes are killed at once one time", c.Kills)
	case c.Limit <= 0:
		return fmt.Errorf("live: a limit of %s leaves no time for kills", c.Limit)
	case len(c.Schedule) > 0:
		return c.fits()
	}
	return nil
}

// quiet is how long all may take that must come to pass when nobody is killed any more. It is longer than that
// needs, so that a busy machine is not taken for a broken cloud.
const quiet = 2 * time.Minute

//go:embed live.yaml
var text string

// scenario returns what is judged, for a run in which all was healed at a time.
func (c *Config) scenario(healed time.Duration) (*scenarios.Scenario, error) {
	t, err := template.New("live.yaml").Parse(text)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	about := struct {
		Duration, Liveness time.Duration
		Moral              string
		Kinds              []chaos.Kind
	}{(healed + time.Millisecond - 1).Truncate(time.Millisecond) + quiet, quiet, "What real processes acknowledged is there after each kill -9, of one or of all at once.", []chaos.Kind{chaos.Kill}}
	if len(c.Schedule) > 0 {
		about.Moral, about.Kinds = "What real processes acknowledged is there after all that a schedule breaks.", c.kinds()
	}
	if err := t.Execute(&b, about); err != nil {
		return nil, err
	}
	return scenarios.Parse("live.yaml", []byte(b.String()))
}

// heal notes that nothing is broken any more.
func (r *run) heal() (err error) {
	r.scenario, err = r.config.scenario(r.now())
	return err
}

// nodes returns the names of the nodes.
func (r *run) nodes() []string { return r.scenario.Nodes() }

// prepare finds a place for the cloud and writes the nodes' configurations.
func (r *run) prepare() (shelf.Place, error) {
	p, err := shelf.FindPlace(r.nodes(), 3)
	if err != nil {
		return p, err
	}
	var machines []shelf.Machine
	for _, name := range r.nodes() {
		n := storecloud.NodeConfig(r.nodes(), r.scenario.Store.Groups)
		n.StorePort, n.HTTP, n.DB = p.Ports[0], p.Ports[1], &node.DB{RESP: p.Ports[2]}
		n.Store.DigestEvery = 16
		n.Store.DiskLimit = node.Duration{Duration: quiet} // a node that waits for a busy machine is not ill
		machines = append(machines, shelf.Machine{
			Name: name, Machines: p.Addresses, Data: name, DropUnsynced: r.config.DropUnsynced, Node: *n,
		})
	}
	return p, r.shelf.Write(machines)
}

// Run runs a cloud, kills its nodes, writes what the run left and judges it. An error means that the run
// could not be made or was interrupted, and that nothing was judged. Nodes' data is kept if the run did not
// pass; the second result is its folder then.
func Run(ctx context.Context, c Config) (*reports.Result, string, error) {
	if err := c.Validate(); err != nil {
		return nil, "", err
	}
	s, err := c.scenario(c.Limit)
	if err != nil {
		return nil, "", err
	}
	data, err := os.MkdirTemp("", "picloud-live-")
	if err != nil {
		return nil, "", err
	}
	r := &run{config: c, scenario: s, shelf: shelf.Shelf{Folder: data, Program: c.Program, Chaos: len(c.Schedule) > 0}, began: time.Now()}
	r.log.now = r.now
	result, err := r.play(ctx)
	if err == nil && result.Verdict != reports.Pass {
		return result, data, nil
	}
	return result, "", errors.Join(err, os.RemoveAll(data))
}

// run is a run under way.
type run struct {
	config   Config
	scenario *scenarios.Scenario
	shelf    shelf.Shelf
	began    time.Time // the run's time is counted from here on, by the wall clock as the clients do
	log      labelled
	seen     seen
	lives    lives

	keeper  shelf.Keeper
	layers  map[string]*host.Faulty // of the clients' machines
	journal bytes.Buffer            // of the monkey
	played  monkey.Result
}

// now returns the time of the run.
func (r *run) now() time.Duration { return time.Duration(time.Now().UnixNano() - r.began.UnixNano()) }

// play runs the cloud to its end, and judges.
func (r *run) play(ctx context.Context) (*reports.Result, error) {
	p, err := r.prepare()
	if err != nil {
		return nil, err
	}
	nodes, stop := context.WithCancel(ctx)
	shut, err := r.takeOrders(p)
	if err != nil {
		stop()
		return nil, err
	}
	ended := r.keep(nodes)
	err = r.load(ctx, p)
	end := r.now()
	shut()
	stop()
	ended.Wait()
	if err = errors.Join(err, ctx.Err(), r.steady()); err != nil {
		return nil, err
	}
	saw := r.seen.history()
	left := scenarios.Run{
		Seed: r.config.Seed, TraceHash: fingerprint(saw), Ended: end,
		History: saw, Log: r.log.bytes(), Replay: r.config.Replay,
	}
	left.Schedule, left.Felt, left.Deaths = r.lives.left()
	if len(r.config.Schedule) > 0 {
		left.Schedule, left.Felt = r.played.Schedule, r.played.Felt
	}
	return r.judge(left)
}

// fingerprint tells a live run from all others. It has no trace: what its clients saw stands for that.
func fingerprint(h history.History) string {
	sum := sha256.New()
	if err := h.Write(sum); err != nil {
		panic("live: a hash takes all that is written: " + err.Error())
	}
	return reports.LiveHash(sum.Sum(nil))
}

// steady says whether the wall clock was set during the run: then the clients' times mean nothing.
func (r *run) steady() error {
	const most = 100 * time.Millisecond // it may be drawn to the right time slowly
	if by := r.now() - time.Since(r.began); by.Abs() > most {
		return fmt.Errorf("live: somebody set this machine's clock by %s during the run: run it again", by)
	}
	return nil
}

// judge writes what the run left, and the reports.
func (r *run) judge(left scenarios.Run) (*reports.Result, error) {
	began := time.Now()
	journal := filepath.Join(r.config.Folder, scenarios.JournalFile)
	var err error
	if len(r.config.Schedule) == 0 {
		left.Checks = append(left.Checks, r.lives.enough(r.config.Kills))
		err = reports.RemoveFile(journal)
	} else {
		err = reports.WriteFile(journal, r.journal.Bytes())
	}
	if err = errors.Join(r.scenario.Save(r.config.Folder, left), err); err != nil {
		return nil, err
	}
	result, err := r.scenario.JudgeInto(r.config.Folder, left)
	timing := reports.Timing{WallSeconds: time.Since(r.began).Seconds(), CheckSeconds: time.Since(began).Seconds()}
	return &result, errors.Join(err, reports.WriteTiming(r.config.Folder, timing))
}
