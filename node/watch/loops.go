package watch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/host"
	"picloud/node/web"
)

// file is what the disk's loop writes; it is never read.
const file = "watch"

// Disk returns the loop of the disk: some bytes are written and synced. They are always the same ones, so that a card has one block to
// write and no file grows.
func Disk(disk vfs.FS) Loop {
	return Loop{"disk", func(context.Context) error {
		f, err := disk.OpenReadWrite(file, vfs.WriteCategoryUnspecified)
		if err != nil {
			return fmt.Errorf("watch: open %s: %w", file, err)
		}
		_, err = f.WriteAt([]byte("the disk is written\n"), 0)
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("watch: write %s: %w", file, err)
		}
		return nil
	}}
}

// answerLimit is how long the node may take to answer itself.
const answerLimit = 2 * time.Second

// Network returns the loop of the network: the node's own HTTP port is connected to, and answers. It takes no cable: of a machine
// whose address was taken away, as the switch is dark or the lease has ended, nothing can be said, and a reset mends nothing.
func Network(h *host.Host, port string) Loop {
	return Loop{"network", func(ctx context.Context) error {
		var away atomic.Bool
		transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := h.Network.DialContext(ctx, network, address)
			if errors.Is(err, host.ErrNoAddress) {
				away.Store(true)
			}
			return conn, err
		}}
		if !web.Healthy(ctx, transport, net.JoinHostPort(h.Name, port), web.HealthPath, answerLimit) && !away.Load() {
			return fmt.Errorf("watch: the node does not answer at its port %s within %s", port, answerLimit)
		}
		return nil
	}}
}
