package command

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"picloud/node"
	"picloud/node/host"
)

// MachineConfig is the file of `picloud node`: the machine, and what it is in the cloud.
type MachineConfig struct {
	Name     string            `yaml:"name"`
	Machines map[string]string `yaml:"machines"` // addresses of all machines by name
	Data     string            `yaml:"data"`     // folder for all that the node keeps; from the file's own folder on
	Node     node.Config       `yaml:"node"`
}

// Validate says what is wrong with the configuration.
func (c *MachineConfig) Validate() error {
	if _, known := c.Machines[c.Name]; !known {
		return fmt.Errorf("name: %q is not among the machines", c.Name)
	}
	for _, name := range c.Node.Nodes {
		if _, known := c.Machines[name]; !known {
			return fmt.Errorf("node.nodes: %q is not among the machines", name)
		}
	}
	for name, address := range c.Machines {
		if _, err := netip.ParseAddr(address); err != nil {
			return fmt.Errorf("machines.%s: %q is not an address", name, address)
		}
	}
	if c.Data == "" {
		return fmt.Errorf("data: the node needs a folder")
	}
	return c.Node.Validate()
}

// Node runs a node on this machine.
func Node(ctx context.Context, args []string) error {
	f := flags("node", `node -config FILE

Runs a node of a cloud on this machine until it is interrupted or told to end (SIGTERM); then it brings
to an end what it was doing and hands over what it leads. Its log goes to standard error, a JSON object
a line.

Example of a file:
  name: pi-1
  machines: {pi-1: 192.168.1.11, pi-2: 192.168.1.12, pi-3: 192.168.1.13}
  data: /var/lib/picloud
  node:
    nodes: [pi-1, pi-2, pi-3]
    store: {groups: [[pi-1, pi-2, pi-3]]}
    db:
      resp: 6379
      tokens: [{token: change-this-token, role: admin, namespaces: ["*"]}]

Example:
  picloud node -config /etc/picloud.yaml`)
	file := f.String("config", "", "the node's configuration")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if *file == "" {
		return fmt.Errorf("node: -config FILE is missing; picloud node -h explains")
	}
	c, err := readMachine(*file)
	if err != nil {
		return err
	}
	h, err := host.NewReal(host.RealConfig{Name: c.Name, Address: c.Machines[c.Name], Machines: c.Machines, Folder: c.Data})
	if err != nil {
		return err
	}
	h.Log.Info("node starts", "node", c.Name, "data", c.Data)
	err = node.Run(ctx, h, &c.Node)
	if err != nil && ctx.Err() == nil {
		h.Log.Error("node ends", "node", c.Name, "error", err.Error())
		return Fail
	}
	h.Log.Info("node stopped", "node", c.Name)
	return nil
}

func readMachine(file string) (*MachineConfig, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c := &MachineConfig{}
	if err := node.Parse(file, text, c); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(c.Data) {
		c.Data = filepath.Join(filepath.Dir(file), c.Data)
	}
	return c, nil
}
