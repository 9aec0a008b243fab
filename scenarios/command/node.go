package command

import (
	"context"
	"fmt"

	"picloud/hw/pi"
	"picloud/node"
	"picloud/scenarios/shelf"
)

// Node runs a node on this machine.
func Node(ctx context.Context, args []string) error {
	f := flags("node", `node -config FILE [-chaos SOCKET]

Runs a node of a cloud on this machine until it is interrupted or told to end (SIGTERM); then it brings
to an end what it was doing and hands over what it leads. Its log goes to standard error, a JSON object
a line.

Example of a file:
  name: pi-1
  machines: {pi-1: 192.168.1.11, pi-2: 192.168.1.12, pi-3: 192.168.1.13}
  data: /var/lib/picloud
  node:
    cloud: home
    nodes: [pi-1, pi-2, pi-3]
    store: {groups: [[pi-1, pi-2, pi-3]]}
    db:
      resp: 6379
      tokens: [{token: change-this-token, role: admin, namespaces: ["*"]}]
    watchdog: 15s                                   # optional: resets the board when the node hangs
    board: {relays: [{feeds: pi-2, pin: GPIO17}]}   # optional: what is wired to it, see hw/README.md

Example:
  picloud node -config /etc/picloud.yaml`)
	file := f.String("config", "", "the node's configuration")
	chaos := f.String("chaos", "", "a file for a socket at which orders are taken to break disk and network, as up -chaos has it; without it nothing can break them")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if *file == "" {
		return fmt.Errorf("node: -config FILE is missing; picloud node -h explains")
	}
	c, err := shelf.ReadMachine(*file)
	if err != nil {
		return err
	}
	c.Chaos = *chaos
	h, err := c.Host()
	if err != nil {
		return err
	}
	parts, err := pi.Open(pi.Config{})
	if err != nil {
		h.Log.Warn("the machine's board is not known", "error", err.Error())
	} else {
		h.Hardware = parts
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
