package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"picloud/chaos"
	"picloud/node/client"
	"picloud/node/proof"
	"picloud/scenarios/shelf"
)

// Proof says which processors of a cloud compute wrongly, and acquits them.
func Proof(ctx context.Context, args []string) error {
	f := flags("proof", `proof -config FILE [-acquit NODE]

Says what the ledger of a cloud that runs has on its processors: which core of which node has computed something wrongly, since
when, how often, and what. The file is a node's configuration, as picloud node takes it. With -acquit it takes all findings
about one node out of the ledger, for its processor was replaced, or was tried while it was hot; the node believes its processor
when it starts again.
The exit status is 0 if no core is condemned, 1 if one is, 2 if the store was not reached.

Examples:
  picloud proof -config /etc/picloud.yaml
  picloud proof -config /etc/picloud.yaml -acquit pi-5`)
	file := f.String("config", "", "a node's configuration")
	acquit := f.String("acquit", "", "the node about which all findings are removed")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if *file == "" {
		return fmt.Errorf("proof: -config FILE is missing; picloud proof -h explains")
	}
	c, err := shelf.ReadMachine(*file)
	if err != nil {
		return err
	}
	h, err := c.Host()
	if err != nil {
		return err
	}
	s, err := client.New(h.Network, client.Config{Nodes: c.Node.Nodes, Port: c.Node.StorePort})
	if err != nil {
		return err
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	if *acquit != "" && !slices.Contains(c.Node.Nodes, *acquit) {
		return fmt.Errorf("proof: there is no node %q to acquit%s", *acquit, chaos.DidYouMean(*acquit, c.Node.Nodes))
	}
	if *acquit != "" {
		n, err := proof.Acquit(ctx, s, *acquit)
		if err != nil {
			return fmt.Errorf("proof: %w", err)
		}
		_, err = fmt.Printf("%d findings about %s are removed\n", n, *acquit)
		return err
	}
	findings, err := proof.Findings(ctx, s)
	if err != nil {
		return fmt.Errorf("proof: %w", err)
	}
	if err := printFindings(os.Stdout, findings); err != nil {
		return err
	}
	if slices.ContainsFunc(findings, func(f proof.Finding) bool { return f.State == proof.Condemned }) {
		return Fail
	}
	return nil
}

func printFindings(w io.Writer, findings []proof.Finding) error {
	if len(findings) == 0 {
		_, err := fmt.Fprintln(w, "no processor was seen computing wrongly")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NODE\tBATCH\tCORE\tOPERATION\tSTATE\tSINCE\tLAST\tTIMES\tWRONG\tFOUND BY\tEVIDENCE")
	when := func(ms int64) string { return time.UnixMilli(ms).Local().Format(time.DateTime) }
	for i := range findings {
		f := &findings[i]
		core := fmt.Sprint(f.Core)
		if f.Core < 0 {
			core = "not known"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d of %d\t%s\t%d bytes %.16s hash to %.16s, not %.16s\n", f.Node, f.Batch, core, f.Operation, f.State,
			when(f.First), when(f.Last), f.Times, f.Wrong, f.Retests, f.By, f.Length, f.Message, f.Got, f.Want)
	}
	return table.Flush()
}
