package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"picloud/chaos"
	"picloud/chaos/monkey"
	"picloud/scenarios"
)

// Chaos plays faults on live processes.
func Chaos(ctx context.Context, args []string) error {
	const help = `chaos kinds | chaos run [...] SCHEDULE

The first says which kinds of faults there are, and which can be played on the processes of picloud up -chaos; the
second plays a schedule on them. picloud chaos run -h explains.

Examples:
  picloud chaos kinds
  picloud chaos run schedule.txt`
	if len(args) > 0 {
		switch args[0] {
		case "kinds":
			return chaosKinds(args[1:])
		case "run":
			return chaosRun(ctx, args[1:])
		}
	}
	f := flags("chaos", help)
	if err := parseFlags(f, args); err != nil {
		return err
	}
	return fmt.Errorf("chaos: say kinds or run, not %q; picloud chaos -h explains", f.Args())
}

func chaosKinds(args []string) error {
	f := flags("chaos kinds", `chaos kinds

Lists the kinds of faults, with what each is aimed at in a schedule, and whether it can be played on live processes.
The simulator plays all of them. In it a target may name who leads a group when the fault is due, machine=leader:0, or the first of
its other members, machine=follower:0. Below stand the words of parameters that are no numbers.`)
	if err := parse(f, args, 0); err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KIND\tTARGET\tLIVE\tHOW, OR WHY NOT")
	for _, l := range chaos.OnLive() {
		spec, _ := chaos.Lookup(l.Kind)
		can := "no"
		if l.Can {
			can = "yes"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", l.Kind, spec.Target, can, l.Note)
	}
	fmt.Fprintln(table, "\nKIND\tPARAMETER\tWORDS, THE FIRST IF NONE IS SAID")
	for _, spec := range chaos.Catalogue() {
		for _, p := range spec.Params {
			for i := 0; i < len(p.Words); i += wordsInLine {
				fmt.Fprintf(table, "%s\t%s\t%s\n", spec.Kind, p.Name, strings.Join(p.Words[i:min(i+wordsInLine, len(p.Words))], ", "))
			}
		}
	}
	return table.Flush()
}

const wordsInLine = 6

// urls is a flag that may stand more than once.
type urls []string

func (u *urls) String() string { return strings.Join(*u, " ") }

// Set adds a URL.
func (u *urls) Set(text string) error {
	if !strings.HasPrefix(text, "http://") && !strings.HasPrefix(text, "https://") {
		return fmt.Errorf("%q is no URL", text)
	}
	*u = append(*u, text)
	return nil
}

// parseAbort reads the rule for giving up: 50%/10s.
func parseAbort(text string) (monkey.Abort, error) {
	share, span, ok := strings.Cut(text, "%/")
	percent, err := strconv.Atoi(share)
	d, bad := time.ParseDuration(span)
	if !ok || err != nil || bad != nil || percent < 0 || percent > 100 || d <= 0 {
		return monkey.Abort{}, fmt.Errorf("chaos run: -abort %q is not of the form 50%%/10s", text)
	}
	return monkey.Abort{SharePPM: int64(percent) * 10_000, For: d}, nil
}

func chaosRun(ctx context.Context, args []string) error {
	f := flags("chaos run", `chaos run [-dir FOLDER] [-dry-run] [-steady URL] [-abort SHARE/TIME] [-radius N] [-journal FILE] SCHEDULE

Plays a schedule, a file as the simulator's are, on the cloud that picloud up -chaos runs. What cannot be played is refused
by name before anything begins, and so is a schedule that takes out more nodes at one time than may be. Before that, the
cloud must be in its steady state: each node answers and acknowledges a write to the database (a document in the namespace
chaos), each URL of -steady answers with 2xx, and no alert pages. Times in the schedule count from then on. The run is given
up when more than a share of these probes fail for some time, or no majority of the nodes answers for as long. A schedule
without a fault is a look whether the cloud is in its steady state.

All is healed at the end, when the run is given up, on Ctrl-C, and within two seconds if this process is killed.
The exit status is 0 if all was played and felt, 1 if the run was given up, 2 if it did not begin, 3 if a fault was not felt.

Examples:
  printf '2s +5s kill machine=pi-2\n9s +5s disk-full machine=pi-3\n' > schedule.txt
  picloud chaos run -dry-run schedule.txt
  picloud chaos run -steady http://127.0.0.1:8000/ schedule.txt
  picloud chaos run -radius 2 -abort 100%/30s schedule.txt      so that two of three nodes may be out`)
	dir := f.String("dir", ".picloud", "the cloud's folder")
	dry := f.Bool("dry-run", false, "say what would be done, and do nothing")
	var steady urls
	f.Var(&steady, "steady", "a URL that answers with 2xx in the steady state; may be given more than once")
	abort := f.String("abort", "50%/10s", "give up when more than this share of the probes fail for this long")
	radius := f.Int("radius", -1, "nodes that may be out at one time; -1 is as many as leave a majority")
	file := f.String("journal", "", "what was done, an event a line, is added to this file (default chaos.jsonl in the cloud's folder)")
	if err := parse(f, args, 1); err != nil {
		return err
	}
	if *radius < -1 {
		return fmt.Errorf("chaos run: -radius is a number of nodes, or -1, not %d", *radius)
	}
	var err error
	c := &monkey.Config{MostOut: *radius}
	if c.Schedule, err = scheduleIn(f.Arg(0)); err != nil {
		return err
	}
	if c.Abort, err = parseAbort(*abort); err != nil {
		return err
	}
	// Time zero is when the cloud was seen to be well.
	var zero time.Time
	c.Began = func() { zero = time.Now() }
	c.Now = func() time.Duration {
		if zero.IsZero() {
			return 0
		}
		return time.Since(zero)
	}
	if err := aim(c, *dir, steady); err != nil {
		return fmt.Errorf("chaos run: %w", err)
	}
	if err := c.Validate(); err != nil {
		return fmt.Errorf("chaos run: %w", err)
	}
	if *dry {
		printPlan(c)
		return nil
	}
	if *file == "" {
		*file = filepath.Join(*dir, "chaos.jsonl")
	}
	alone, err := only(filepath.Join(*dir, "chaos.lock"), "another one plays on this cloud")
	if err != nil {
		return fmt.Errorf("chaos run: %w", err)
	}
	defer alone.Close()
	return play(ctx, c, *file)
}

// only sees that nobody else holds the lock, until the file is closed, or says that it is taken: two monkeys on a cloud would each
// heal what the other breaks.
func only(lock, taken string) (*os.File, error) {
	f, err := os.OpenFile(lock, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.New(taken)
		}
		return nil, fmt.Errorf("lock %s: %w", lock, err)
	}
	return f, nil
}

// printPlan says what would be done.
func printPlan(c *monkey.Config) {
	fmt.Println("before anything is broken, these must be well:")
	for _, p := range c.Steady {
		fmt.Printf("  %s\n", p.Name)
	}
	worst := c.Topology.WorstOutage(c.Schedule, c.Members)
	fmt.Printf("then this is played, with at most %d of %d nodes out at one time:\n", len(worst.Out), len(c.Members))
	for i := range c.Schedule {
		fmt.Printf("  %s\n", c.Schedule[i])
		if note := chaos.LiveOf(c.Schedule[i].Kind).Note; note != "" {
			fmt.Printf("      %s\n", note)
		}
	}
	fmt.Printf("it is given up when more than %d%% of the probes fail for %s, or no majority answers for as long; nothing was done\n",
		c.Abort.SharePPM/10_000, c.Abort.For)
}

// play plays the schedule, writes down what happens and tells a person.
func play(ctx context.Context, c *monkey.Config, file string) error {
	w, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer w.Close()
	write, failed := scenarios.Journal(w, &c.Topology)
	begun, said := 0, ""
	c.Note = func(e monkey.Event) {
		write(e)
		if e.What == monkey.Begin {
			begun++
		}
		probe, _, _ := strings.Cut(e.Why, ":")
		if e.What != monkey.Probed || probe != said {
			fmt.Println(told(&e))
		}
		said = probe
	}
	result, err := monkey.Run(ctx, *c)
	if err = errors.Join(err, failed()); err != nil {
		return err
	}
	fmt.Printf("%d faults were played; the journal is %s\n", begun, file)
	switch {
	case result.Aborted != "":
		return Fail
	case unfelt(result) > 0:
		return Inconclusive
	}
	return nil
}

func unfelt(r monkey.Result) (n int) {
	for _, times := range r.Felt {
		if times == 0 {
			n++
		}
	}
	return n
}

// told returns an event as a person reads it.
func told(e *monkey.Event) string {
	at := fmt.Sprintf("%7.2fs  ", e.At.Seconds())
	switch e.What {
	case monkey.Steady:
		return at + fmt.Sprintf("the cloud is well: %d probes succeeded", e.Times)
	case monkey.Begin, monkey.End:
		return at + fmt.Sprintf("%-6s %s", e.What, e.Fault)
	case monkey.Felt:
		return at + fmt.Sprintf("felt %d times: %s", e.Times, e.Fault)
	case monkey.Refused:
		return at + fmt.Sprintf("refused: %s: %s", e.Fault, e.Why)
	case monkey.Probed:
		return at + fmt.Sprintf("%d probes fail: %s", e.Times, e.Why)
	case monkey.Aborted:
		return at + "given up, and healed: " + e.Why
	}
	return at + e.What + ": " + e.Why
}
