package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"picloud/chaos"
	"picloud/scenarios"
)

// Scenarios lists the scenarios, or says what stands in one.
func Scenarios(_ context.Context, args []string) error {
	f := flags("scenarios", `scenarios [-text] [NAME]

Lists the scenarios that come with the program: what each shows, and what it is. With a name, or a file that ends in
.yaml, says what stands in that one: machines, load, faults, those that are required, checks, and the defence that it
is about.

Examples:
  picloud scenarios
  picloud scenarios lying-cpu
  picloud scenarios -text lying-cpu > mine.yaml     (to change it, and play it with picloud sim -scenario mine.yaml)`)
	text := f.Bool("text", false, "print the file of the scenario as it is")
	name, err := parseOptional(f, args)
	switch {
	case err != nil:
		return err
	case name == "" && *text:
		return errors.New("scenarios: -text needs the NAME of a scenario")
	case name == "":
		return listAll(os.Stdout)
	}
	s, err := scenarios.Load(name)
	switch {
	case err != nil:
		return err
	case *text:
		_, err = os.Stdout.Write(s.Text())
		return err
	}
	describe(os.Stdout, s)
	return nil
}

// listAll writes two lines for each scenario: what it is, and what it shows.
func listAll(to io.Writer) error {
	names := scenarios.Names()
	fmt.Fprintf(to, "%-16s %-9s %8s %7s  %s\n", "scenario", "tier", "machines", "seconds", "faults")
	for _, name := range names {
		s, err := scenarios.Load(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(to, "%-16s %-9s %8d %7.0f  %s\n  %s\n", s.Name, s.Tier(), len(s.Topology.Machines), time.Duration(s.Duration).Seconds(), words(s.Classes()), s.Moral)
	}
	fmt.Fprintf(to, "%d scenarios; picloud scenarios NAME says what stands in one, picloud sim -scenario NAME plays it\n", len(names))
	return nil
}

// words joins names as a person would read them.
func words(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// describe writes what stands in a scenario, a fact a line.
func describe(to io.Writer, s *scenarios.Scenario) {
	fact := func(name, format string, args ...any) {
		fmt.Fprintf(to, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(to, "%s\n%s\n\n", s.Name, s.Moral)
	fact("tier", "%s", s.Tier())
	fact("time", "%s simulated, of which the last %s with everything healed", time.Duration(s.Duration), time.Duration(s.Liveness))
	fact("machines", "%s", words(roleCounts(s)))
	if s.Hardware != nil {
		fact("hardware", "modelled boards, %d relays", len(s.Hardware.Relays))
	}
	fact("load", "%s", loadOf(s))
	fact("faults", "%s", faultsOf(s))
	fact("kinds", "%s", words(s.Kinds()))
	fact("required", "%s", words(kindNames(s.Faults.Required)))
	fact("checks", "%s", words(s.CheckNames()))
	if len(s.Without) > 0 {
		fact("without", "%s", words(s.Without))
	}
	if d := s.Defence; d == nil {
		fact("defence", "nobody has said which")
	} else {
		fact("defence", "without it (%s) %s within seeds 1 to %d", d.Name(), d.Shows(), d.Seeds)
	}
}

// roleCounts returns how many machines each role has, in the order in which the file names them.
func roleCounts(s *scenarios.Scenario) []string {
	var counts, roles []string
	for _, m := range s.Topology.Machines {
		if !slices.Contains(roles, m.Role) {
			roles = append(roles, m.Role)
			counts = append(counts, fmt.Sprintf("%d %s", len(s.MachinesOf(m.Role)), m.Role))
		}
	}
	return append(counts, fmt.Sprintf("on %d switches", len(s.Topology.Switches)))
}

func loadOf(s *scenarios.Scenario) string {
	if u := s.Users; u != nil {
		text := fmt.Sprintf("%d users", u.Count)
		if u.Visitors > 0 {
			text += fmt.Sprintf(", %d visitors", u.Visitors)
		}
		if u.Newcomers > 0 {
			text += fmt.Sprintf(", a newcomer every %s", time.Duration(u.Newcomers))
		}
		for _, g := range u.Groups {
			text += fmt.Sprintf(", %d %s", g.Count, g.Kind)
		}
		return text
	}
	text := fmt.Sprintf("%d clients", s.Clients.Count)
	if s.Store != nil {
		text += fmt.Sprintf(", %d appenders and %d watchers on each of %d machines", s.Store.Appenders, s.Store.Watchers, len(s.MachinesOf(scenarios.RoleClient)))
	}
	return text
}

func faultsOf(s *scenarios.Scenario) string {
	switch {
	case s.Faults.Schedule.Text != "":
		return "written down in the file, the same for every seed"
	case len(s.Faults.Kinds) == 0:
		return "none"
	}
	return fmt.Sprintf("drawn by the seed, from %s on, on machines of %s", time.Duration(s.Faults.Start), words(s.Faults.Roles))
}

func kindNames(kinds []chaos.Kind) []string {
	var names []string
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return names
}
