package command

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"picloud/chaos"
	"picloud/node"
	"picloud/node/alerts"
)

// askLimit is how long a monitor may take to say which alerts stand.
const askLimit = 10 * time.Second

// Alerts says which alerts stand in a cloud that runs, and what to do about them.
func Alerts(ctx context.Context, args []string) error {
	f := flags("alerts", `alerts [-at HOST:PORT] [-all] [-json] [-runbook NAME] [-export FOLDER [-nodes LIST]]

Asks the monitor of a cloud that runs which alerts fire, those first that page. With -all also those that are pending, and
those that another one inhibits. With -runbook it asks nobody, and prints what to do when the alert fires; with -export
it writes files with which a Prometheus scrapes the nodes and evaluates the same rules, inhibitions for an Alertmanager,
and dashboards for a Grafana.
The exit status is 0 if nothing pages, 1 if something does, 2 if the monitor was not reached.

Examples:
  picloud alerts                              of the cloud that up runs
  picloud alerts -at pi-1:8080 -all
  picloud alerts -runbook NodeDown
  picloud alerts -export prometheus && prometheus --config.file prometheus/prometheus.yml`)
	at := f.String("at", loopback+":8080", "where the monitor's node serves HTTP")
	all := f.Bool("all", false, "those that are pending or inhibited too")
	asJSON := f.Bool("json", false, "what the monitor says, as JSON")
	runbook := f.String("runbook", "", "print what to do about this alert")
	export := f.String("export", "", "a folder for files for Prometheus, Alertmanager and Grafana")
	nodes := f.String("nodes", "pi-1=127.0.0.1:8080,pi-2=127.0.0.2:8080,pi-3=127.0.0.3:8080", "what Prometheus scrapes: NAME=HOST:PORT,...")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	switch {
	case *runbook != "":
		return printRunbook(os.Stdout, *runbook)
	case *export != "":
		return exportMonitoring(*export, *nodes)
	case given(f, "nodes"):
		return errors.New("alerts: -nodes says what is in the files of -export")
	}
	standing, err := askMonitor(ctx, *at)
	if err != nil {
		return err
	}
	show := printAlerts
	if *asJSON {
		show = printJSON
	}
	if err := show(os.Stdout, standing, *all); err != nil {
		return err
	}
	if slices.ContainsFunc(standing, func(a alerts.Alert) bool { return a.Pages() }) {
		return Fail
	}
	return nil
}

// ask reads what a node says under a path. Whom is asked, and what it means that there is nothing, are for the messages.
func ask(ctx context.Context, at, path, whom, nothing string, into any) error {
	if _, _, err := net.SplitHostPort(at); err != nil {
		return fmt.Errorf("ask %s: it is at HOST:PORT, not at %q", whom, at)
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+path, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("ask %s: %w", whom, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", at, answer.Status, nothing)
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return fmt.Errorf("read what %s says: %w", at, err)
	}
	return nil
}

// askMonitor returns the alerts that stand, those that page first, then those that fire.
func askMonitor(ctx context.Context, at string) ([]alerts.Alert, error) {
	var standing []alerts.Alert
	if err := ask(ctx, at, "/alerts", "the monitor", "it is no monitor", &standing); err != nil {
		return nil, fmt.Errorf("alerts: %w", err)
	}
	rank := func(a alerts.Alert) int {
		switch {
		case a.Pages():
			return 0
		case a.State == alerts.Firing && !a.Inhibited:
			return 1
		case a.State == alerts.Firing:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(standing, func(a, b alerts.Alert) int { return cmp.Or(rank(a)-rank(b), a.Since.Compare(b.Since)) })
	return standing, nil
}

// shown returns the alerts that are shown.
func shown(standing []alerts.Alert, all bool) []alerts.Alert {
	return slices.DeleteFunc(slices.Clone(standing), func(a alerts.Alert) bool { return !all && (a.State != alerts.Firing || a.Inhibited) })
}

func printJSON(w io.Writer, standing []alerts.Alert, all bool) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(shown(standing, all))
}

func printAlerts(w io.Writer, standing []alerts.Alert, all bool) error {
	list := shown(standing, all)
	if len(list) > 0 {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "STATE\tSINCE\tSEVERITY\tCLASS\tALERT\tSUMMARY\tINHIBITED BY")
		for i := range list {
			a := &list[i]
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", a.State, a.Since.Local().Format(time.DateTime),
				a.Labels[alerts.SeverityLabel], a.Labels[alerts.ClassLabel], a.Title(), a.Summary, a.InhibitedBy)
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	said := fmt.Sprintf("alerts: %d", len(list))
	if len(list) == 0 {
		said = "no alert fires"
	}
	if hidden := len(standing) - len(list); hidden > 0 {
		said += fmt.Sprintf("; %d are pending or inhibited, and -all shows them", hidden)
	}
	_, err := fmt.Fprintln(w, said)
	return err
}

// printRunbook prints what is to be done when an alert fires.
func printRunbook(w io.Writer, name string) error {
	rules, err := node.Rules()
	if err != nil {
		return err
	}
	var names []string
	for _, r := range rules.Alerts() {
		if r.Name == name {
			_, err := fmt.Fprintf(w, "%s (%s, %s)\n%s\n\n%s\n", r.Name, r.Labels[alerts.SeverityLabel], r.Labels[alerts.ClassLabel], blanks(r.Summary), blanks(r.Runbook))
			return err
		}
		names = append(names, r.Name)
	}
	return fmt.Errorf("alerts: there is no alert %.80q%s", name, chaos.DidYouMean(name, names))
}

// blanks shows what is filled in when an alert fires as words: <instance>, <value>.
func blanks(text string) string {
	return regexp.MustCompile(`\{\{ *\$(?:labels\.)?(\w+)[^}]*\}\}`).ReplaceAllString(text, "<$1>")
}

// target is a node that Prometheus scrapes.
type target struct{ name, address string }

// targets reads NAME=HOST:PORT,...
func targets(text string) (all []target, err error) {
	for _, one := range strings.Split(text, ",") {
		name, address, _ := strings.Cut(one, "=")
		if name == "" || !strings.Contains(address, ":") {
			return nil, fmt.Errorf("alerts: -nodes: %q is not NAME=HOST:PORT", one)
		}
		all = append(all, target{name, address})
	}
	return all, nil
}
