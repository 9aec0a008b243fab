package compare

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"picloud/scenarios/shelf"
)

// EtcdVersion is what is measured against.
const EtcdVersion = "v3.6.16"

// sources are the program with etcd's server and the load that drives it.
//
//go:embed _etcd/main.go load/load.go load/measure.go load/result.go
var sources embed.FS

// module is named as ours is, so that the load has one path in both.
const module = `module picloud // etcd, and what drives it, for picloud bench

go 1.26.8

require (
	go.etcd.io/etcd/client/v3 ` + EtcdVersion + `
	go.etcd.io/etcd/server/v3 ` + EtcdVersion + `
)
`

// BuildEtcd builds etcd in a folder, where it stays for the next time, and returns the program.
func BuildEtcd(ctx context.Context, folder string, progress io.Writer) (string, error) {
	if err := writeSources(folder); err != nil {
		return "", fmt.Errorf("compare: write down how etcd is built: %w", err)
	}
	program, err := filepath.Abs(filepath.Join(folder, "etcd"))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-mod=mod", "-o", program, ".")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	cmd.Stdout, cmd.Stderr = progress, progress
	if err := shelf.Run(cmd, func(*os.Process) error { return nil }); err != nil {
		return "", fmt.Errorf("compare: build etcd %s in %s, for which its modules are missing or could not be downloaded: %w", EtcdVersion, folder, err)
	}
	return program, nil
}

// writeSources writes what differs, so that what is up to date is not built again.
func writeSources(folder string) error {
	files := map[string]string{"go.mod": module}
	err := fs.WalkDir(sources, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := sources.ReadFile(path)
		place := filepath.Join("scenarios/compare", path)
		if strings.HasPrefix(path, "_etcd/") {
			place = filepath.Base(path)
		}
		files[place] = string(text)
		return err
	})
	if err != nil {
		return err
	}
	for name, text := range files {
		path := filepath.Join(folder, name)
		old, err := os.ReadFile(path)
		if err == nil && (string(old) == text || name == "go.mod" && strings.Contains(string(old), EtcdVersion)) {
			continue // the go command has added to go.mod what etcd needs in turn
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

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
