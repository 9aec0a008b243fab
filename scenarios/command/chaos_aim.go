package command

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"picloud/chaos"
	"picloud/chaos/monkey"
	"picloud/node/web"
	"picloud/scenarios/shelf"
)

// keeperName is that of the socket of who keeps the processes, before its ending.
const keeperName = "keeper"

// aim finds the cloud in a folder, and says how to break it and how to see whether it is well.
func aim(c *monkey.Config, folder string, steady []string) error {
	files, err := filepath.Glob(filepath.Join(folder, "pi-*.yaml"))
	if err != nil {
		return err
	}
	s := shelf.Shelf{Folder: folder}
	if _, err := os.Stat(s.Socket(keeperName)); err != nil || len(files) == 0 {
		return fmt.Errorf("no cloud that can be broken runs in %s: start it with picloud up -chaos", folder)
	}
	c.Keeper, c.Layers = s.Socket(keeperName), map[string]string{}
	for _, file := range files {
		m, err := shelf.ReadMachine(file)
		if err != nil {
			return err
		}
		at := net.JoinHostPort(m.Machines[m.Name], cmp.Or(m.Node.HTTP, "8080"))
		c.Topology.Machines = append(c.Topology.Machines, chaos.Machine{Name: m.Name, Role: "node"})
		c.Members, c.Kept = append(c.Members, m.Name), append(c.Kept, m.Name)
		c.Layers[m.Name] = s.Socket(m.Name)
		c.Alive = append(c.Alive, monkey.Probe{Name: m.Name + " answers", Try: answers("http://" + at + web.HealthPath)})
		if m.Node.DB != nil && len(m.Node.DB.Tokens) > 0 {
			c.Probes = append(c.Probes, monkey.Probe{Name: m.Name + " acknowledges a write", Try: acknowledges(at, m.Name, m.Node.DB.Tokens[0].Token)})
		}
		if m.Node.Monitor != nil {
			c.Steady = append(c.Steady, monkey.Probe{Name: "no alert pages", Try: quiet(at)})
		}
	}
	for _, url := range steady {
		c.Probes = append(c.Probes, monkey.Probe{Name: url + " answers", Try: answers(url)})
	}
	c.Steady = append(append(append([]monkey.Probe{}, c.Alive...), c.Probes...), c.Steady...)
	if c.MostOut < 0 {
		c.MostOut = monkey.Minority(len(c.Members))
	}
	return nil
}

// asks sends a request, and says what is wrong if it is not answered with 2xx.
func asks(ctx context.Context, method, url, token string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Close = true
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s is answered with %s", url, answer.Status)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

func answers(url string) func(context.Context) error {
	return func(ctx context.Context) error { return asks(ctx, http.MethodGet, url, "", nil) }
}

func acknowledges(at, name, token string) func(context.Context) error {
	return func(ctx context.Context) error {
		return asks(ctx, http.MethodPut, "http://"+at+"/v1/chaos/"+name, token, []byte("{}"))
	}
}

// quiet asks the monitor whether an alert pages.
func quiet(at string) func(context.Context) error {
	return func(ctx context.Context) error {
		standing, err := askMonitor(ctx, at)
		if err != nil {
			return err
		}
		for i := range standing {
			if standing[i].Pages() {
				return fmt.Errorf("%s pages: %s", standing[i].Title(), standing[i].Summary)
			}
		}
		return nil
	}
}
