// Package programs lists what the machines of a scenario can run, by the names that scenario
// files use. A program runs on whatever host it is given, simulated or real.
package programs

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"picloud/node/host"
	"picloud/scenarios/firstcloud"
	"picloud/scenarios/history"
	"picloud/scenarios/kv"
	"picloud/scenarios/museum"
	"picloud/scenarios/storecloud"
	"picloud/scenarios/users"
)

// Program is a program with its configuration as JSON. It records what its clients saw, if it has
// any, through record.
type Program func(ctx context.Context, h *host.Host, config []byte, record func(history.Operation)) error

// all returns every program by name.
func all() map[string]Program {
	programs := map[string]Program{
		"first-cloud-node": func(ctx context.Context, h *host.Host, config []byte, _ func(history.Operation)) error {
			var c kv.NodeConfig
			if err := decode(config, &c); err != nil {
				return err
			}
			return firstcloud.Node(ctx, h, c)
		},
		"first-cloud-client": func(ctx context.Context, h *host.Host, config []byte, record func(history.Operation)) error {
			var c kv.ClientConfig
			if err := decode(config, &c); err != nil {
				return err
			}
			return kv.Clients(ctx, c, kv.OverHTTP(h, c), record)
		},
	}
	programs["node"] = func(ctx context.Context, h *host.Host, config []byte, _ func(history.Operation)) error {
		return storecloud.Node(ctx, h, config)
	}
	programs["store-client"] = func(ctx context.Context, h *host.Host, config []byte, record func(history.Operation)) error {
		var c storecloud.ClientConfig
		if err := decode(config, &c); err != nil {
			return err
		}
		return storecloud.Clients(ctx, h, c, record)
	}
	programs["pinboard-users"] = func(ctx context.Context, h *host.Host, config []byte, record func(history.Operation)) error {
		var c users.Config
		if err := decode(config, &c); err != nil {
			return err
		}
		return users.Run(ctx, h, c, record)
	}
	for _, name := range museum.Programs() {
		programs[name] = func(ctx context.Context, h *host.Host, config []byte, _ func(history.Operation)) error {
			var c kv.NodeConfig
			if err := decode(config, &c); err != nil {
				return err
			}
			return museum.Run(ctx, h, c, name)
		}
	}
	return programs
}

// Lookup returns the program of a name.
func Lookup(name string) (Program, error) {
	if p := all()[name]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("unknown program %q (there are %s)", name, strings.Join(Names(), ", "))
}

// Names returns the names of all programs, sorted.
func Names() []string {
	var names []string
	for name := range all() {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func decode(config []byte, into any) error {
	d := json.NewDecoder(strings.NewReader(string(config)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the program's configuration: %w", err)
	}
	return nil
}
