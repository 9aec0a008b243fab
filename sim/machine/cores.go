package machine

import (
	"fmt"
	"sync"

	"picloud/node/host"
	"picloud/sim/channel"
	"picloud/sim/detrt"
)

// cores are those of the simulated machine. A process has one thread: while something of it runs on a certain core, all of it
// does.
type cores struct {
	port *Port
	mu   sync.Mutex // one wish at a time
}

// NewCores returns the cores of the machine that the process runs on.
func NewCores(p *Port) host.Cores { return &cores{port: p} }

// Count returns how many cores the machine has now.
func (c *cores) Count() int { return int(*c.port.word(channel.Cores)) }

// On asks the kernel that the next turns be on the core, and gives this one away.
func (c *cores) On(core int, f func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.Count(); core < 0 || core >= n {
		return fmt.Errorf("machine: there is no core %d of %d", core, n)
	}
	wish := c.port.word(channel.OnCore)
	*wish = uint64(core) + 1
	defer func() { *wish = 0 }()
	detrt.Yield()
	f()
	return nil
}
