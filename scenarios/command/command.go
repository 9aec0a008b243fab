// Package command is the picloud command line: scenarios in the simulated world, and nodes on this machine.
package command

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"picloud/reports"
)

// Verdict is the error of a command that ran and found something: its exit status.
type Verdict int

// The exit statuses.
const (
	Pass         Verdict = 0
	Fail         Verdict = 1
	BadInput     Verdict = 2
	Inconclusive Verdict = 3
)

func (v Verdict) Error() string { return fmt.Sprintf("exit status %d", int(v)) }

// verdict returns the error for a run's status, nil for a pass.
func verdict(s reports.Status) error {
	switch s {
	case reports.Pass:
		return nil
	case reports.Fail:
		return Fail
	}
	return Inconclusive
}

// ErrHelp says that help was asked for and given.
var ErrHelp = flag.ErrHelp

// flags returns a flag set that explains itself with the given text, and complains in one line.
func flags(name, help string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {
		fmt.Fprintf(os.Stdout, "usage: picloud %s\n\n", strings.TrimSpace(help))
		f.SetOutput(os.Stdout)
		fmt.Fprintln(os.Stdout, "\nFlags:")
		f.PrintDefaults()
	}
	return f
}

// given tells whether a flag stands among the arguments.
func given(f *flag.FlagSet, name string) (is bool) {
	f.Visit(func(g *flag.Flag) { is = is || g.Name == name })
	return is
}

// parse reads the arguments, of which so many are no flags.
func parse(f *flag.FlagSet, args []string, rest int) error {
	if err := parseFlags(f, args); err != nil {
		return err
	}
	if f.NArg() != rest {
		return fmt.Errorf("%s takes %d arguments, not %q; picloud %s -h explains", f.Name(), rest, f.Args(), f.Name())
	}
	return nil
}

// parseOptional reads the arguments, of which one may be no flag, and returns it.
func parseOptional(f *flag.FlagSet, args []string) (string, error) {
	if err := parseFlags(f, args); err != nil {
		return "", err
	}
	if f.NArg() > 1 {
		return "", fmt.Errorf("%s takes one argument, not %q; picloud %s -h explains", f.Name(), f.Args(), f.Name())
	}
	return f.Arg(0), nil
}

// parseFlags reads the flags, and explains the command to who asks for that.
func parseFlags(f *flag.FlagSet, args []string) error {
	explain := f.Usage
	f.Usage = func() {} // of a flag that is wrong one sentence is said
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		explain()
		return ErrHelp
	case err != nil:
		return fmt.Errorf("%s: %w; picloud %s -h explains", f.Name(), err, f.Name())
	}
	return nil
}
