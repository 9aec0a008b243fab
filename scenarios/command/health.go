package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"picloud/node"
	"picloud/node/health"
	"picloud/scenarios/shelf"
)

// Health says what a node does about its hardware, and lets a fenced one start again.
func Health(ctx context.Context, args []string) error {
	f := flags("health", `health [-at HOST:PORT] [-all] [-json]
       picloud health -forgive FILE

Asks a node that has the role health how its rules stand, what it does and may not do, who has the cluster's budget, and what
stands last in the journal. Without -all it shows only rules that stand, or whose signal is not known.
With -forgive it asks nobody: on a machine whose node was fenced, it lets that start again with the card that it has; the file is
the node's configuration. Look at the card first: what it says may be wrong.

Examples:
  picloud health -at pi-3:8080                that has the role health; those of up have none, as they share a machine
  picloud health -at pi-3:8080 -all
  picloud health -forgive /etc/picloud.yaml`)
	at := f.String("at", loopback+":8080", "where the node serves HTTP")
	all := f.Bool("all", false, "all rules")
	asJSON := f.Bool("json", false, "what the node says, as JSON")
	forgive := f.String("forgive", "", "the configuration of a node that was fenced")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if *forgive != "" {
		return forgiveNode(*forgive)
	}
	v, err := askHealth(ctx, *at)
	if err != nil {
		return err
	}
	if *asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	return printHealth(os.Stdout, v, *all)
}

// forgiveNode lets a node start again with its card.
func forgiveNode(file string) error {
	c, err := shelf.ReadMachine(file)
	if err != nil {
		return err
	}
	if c.Node.Health == nil {
		return fmt.Errorf("health: by %s the node %s has no health, and nothing else fences it", file, c.Name)
	}
	h, err := c.Host()
	if err != nil {
		return err
	}
	if err := node.Forgive(h, &c.Node); err != nil {
		return err
	}
	fmt.Printf("%s may start again with its card\n", c.Name)
	return nil
}

// askHealth asks a node.
func askHealth(ctx context.Context, at string) (*health.View, error) {
	v := &health.View{}
	if err := ask(ctx, at, health.Path, "the node", "it has no role health", v); err != nil {
		return nil, fmt.Errorf("health: %w", err)
	}
	return v, nil
}

func printHealth(w io.Writer, v *health.View, all bool) error {
	fmt.Fprintf(w, "%s: mode %s", v.Node, v.Mode)
	if v.Drained {
		fmt.Fprint(w, ", out of service")
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RULE\tSTANDS\tSIGNAL\tVALUE\tRAISED AT\tCLEARED AT\tABOUT")
	shown := 0
	for _, r := range v.Rules {
		if !all && !r.Stands && r.Value != nil {
			continue
		}
		shown++
		value, stands := "unknown", "no"
		if r.Value != nil {
			value = fmt.Sprint(*r.Value)
		}
		if r.Stands {
			stands = "yes"
			if r.Since != nil {
				stands = "since " + r.Since.Local().Format(time.DateTime)
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%d\t%s\n", r.Name, stands, r.Signal, value, r.Raise, r.Clear, r.Subject)
	}
	if shown > 0 {
		if err := table.Flush(); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "rules: %d of %d are shown\n", shown, len(v.Rules))
	printDeeds(w, v)
	return nil
}

// printDeeds prints what was done, and what was not.
func printDeeds(w io.Writer, v *health.View) {
	for _, a := range sortedOf(v.Done) {
		fmt.Fprintf(w, "done: %s: %s\n", a, v.Done[a])
	}
	for _, m := range sortedOf(v.Refused) {
		fmt.Fprintf(w, "not done: %s: %s\n", m, v.Refused[m])
	}
	switch b := v.Budget; {
	case v.Error != "":
		fmt.Fprintf(w, "budget and journal are not known: %s\n", v.Error)
	case b == nil:
		fmt.Fprintln(w, "budget: nobody has it")
	default:
		fmt.Fprintf(w, "budget: %s does %s to %s, with the token %d\n", b.Node, b.Action, b.Subject, b.Token)
	}
	for _, e := range v.Journal {
		dry := ""
		if e.Dry {
			dry = " (dry)"
		}
		fmt.Fprintf(w, "journal: %s %s %s %s %s%s\n", e.At.Local().Format(time.DateTime), e.Node, e.Action, e.Subject, e.To, dry)
	}
}

func sortedOf[K ~string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
