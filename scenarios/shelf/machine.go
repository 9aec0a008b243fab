package shelf

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"picloud/node"
	"picloud/node/host"
)

// Machine is the file of `picloud node`: the machine, and what it is in the cloud.
type Machine struct {
	Name     string            `yaml:"name"`
	Machines map[string]string `yaml:"machines"` // addresses of all machines by name
	Data     string            `yaml:"data"`     // folder for all that the node keeps; from the file's own folder on
	// DropUnsynced has the end of the process take away what was not synced. It is for tests.
	DropUnsynced bool        `yaml:"drop-unsynced,omitempty"`
	Node         node.Config `yaml:"node"`

	Chaos string `yaml:"-"` // the socket at which the machine takes orders to be broken; none if it is empty
}

// Validate says what is wrong with the configuration.
func (m *Machine) Validate() error {
	if _, known := m.Machines[m.Name]; !known {
		return fmt.Errorf("name: %q is not among the machines", m.Name)
	}
	for _, name := range m.Node.Nodes {
		if _, known := m.Machines[name]; !known {
			return fmt.Errorf("node.nodes: %q is not among the machines", name)
		}
	}
	for name, address := range m.Machines {
		if _, err := netip.ParseAddr(address); err != nil {
			return fmt.Errorf("machines.%s: %q is not an address", name, address)
		}
	}
	if m.Data == "" {
		return fmt.Errorf("data: the node needs a folder")
	}
	return m.Node.Validate()
}

// ReadMachine reads the file of a node.
func ReadMachine(file string) (*Machine, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	m := &Machine{}
	if err := node.Parse(file, text, m); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(m.Data) {
		m.Data = filepath.Join(filepath.Dir(file), m.Data)
	}
	return m, nil
}

// Host returns the machine for the node to run on.
func (m *Machine) Host() (*host.Host, error) {
	return host.NewReal(host.RealConfig{
		Name: m.Name, Address: m.Machines[m.Name], Machines: m.Machines,
		Folder: m.Data, DropUnsynced: m.DropUnsynced, Chaos: m.Chaos,
	})
}
