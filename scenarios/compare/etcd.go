package compare

import (
	"net"
	"path/filepath"
	"strings"

	"picloud/scenarios/shelf"
)

// etcd is a cluster of it as it comes, syncs and all.
func (c *Store) etcd(folder string) (*Entry, error) {
	p, err := shelf.FindPlace(nodes(), 2)
	if err != nil {
		return nil, err
	}
	clients, peers := p.Ports[0], p.Ports[1]
	url := func(name, port string) string { return "http://" + net.JoinHostPort(p.Addresses[name], port) }
	var members []string
	for _, n := range nodes() {
		members = append(members, n+"="+url(n, peers))
	}
	entry := &Entry{Load: c.load(p, c.Etcd, "drive")}
	for _, name := range nodes() {
		entry.Servers = append(entry.Servers, Server{Name: name, Serve: serve(c.Etcd,
			"--name", name, "--data-dir", filepath.Join(folder, name), "--log-level", "error",
			"--listen-client-urls", url(name, clients), "--advertise-client-urls", url(name, clients),
			"--listen-peer-urls", url(name, peers), "--initial-advertise-peer-urls", url(name, peers),
			"--initial-cluster", strings.Join(members, ","), "--initial-cluster-state", "new")})
	}
	return entry, nil
}
