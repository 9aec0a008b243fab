package compare

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"picloud/scenarios/shelf"
)

// sources are programs with others' servers, and the load that drives them.
//
//go:embed _etcd/main.go _nats/main.go load/load.go load/jobs.go load/measure.go load/result.go
var sources embed.FS

// Foreign is a program with somebody else's server and what drives it. It is built in a module of its own, so that the project does not
// depend on it, and it stands on the versions that it was released with.
type Foreign struct {
	Name    string // its source lies in _NAME
	Version string // of the server
	require []string
}

// Etcd returns what the store is measured against.
func Etcd() *Foreign {
	return &Foreign{"etcd", "v3.6.16", []string{"go.etcd.io/etcd/client/v3 v3.6.16", "go.etcd.io/etcd/server/v3 v3.6.16"}}
}

// NATS returns what the work queues are measured against, beside others that are installed.
func NATS() *Foreign {
	return &Foreign{"nats", "v2.14.9", []string{"github.com/nats-io/nats-server/v2 v2.14.9", "github.com/nats-io/nats.go v1.53.1"}}
}

// module is named as ours is, so that the load has one path in both.
func (f *Foreign) module() string {
	return "module picloud // " + f.Name + ", and what drives it, for picloud bench\n\ngo 1.26.8\n\nrequire (\n\t" + strings.Join(f.require, "\n\t") + "\n)\n"
}

// Build builds the program in a folder, where it stays for the next time, and returns it.
func (f *Foreign) Build(ctx context.Context, folder string, progress io.Writer) (string, error) {
	if err := f.writeSources(folder); err != nil {
		return "", fmt.Errorf("compare: write down how %s is built: %w", f.Name, err)
	}
	program, err := filepath.Abs(filepath.Join(folder, f.Name))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-mod=mod", "-o", program, ".")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	cmd.Stdout, cmd.Stderr = progress, progress
	if err := shelf.Run(cmd, func(*os.Process) error { return nil }); err != nil {
		return "", fmt.Errorf("compare: build %s %s in %s, for which its modules are missing or could not be downloaded: %w", f.Name, f.Version, folder, err)
	}
	return program, nil
}

// writeSources writes what differs, so that what is up to date is not built again.
func (f *Foreign) writeSources(folder string) error {
	files := map[string]string{"go.mod": f.module()}
	err := fs.WalkDir(sources, ".", func(path string, d fs.DirEntry, err error) error {
		own, load := "_"+f.Name+"/", "load/"
		if err != nil || d.IsDir() || !strings.HasPrefix(path, own) && !strings.HasPrefix(path, load) {
			return err
		}
		text, err := sources.ReadFile(path)
		place := filepath.Join("scenarios/compare", path)
		if strings.HasPrefix(path, own) {
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
		if err == nil && (string(old) == text || name == "go.mod" && f.requiredBy(string(old))) {
			continue // the go command has added to go.mod what is needed in turn
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

// requiredBy tells whether a go.mod has the modules in their versions.
func (f *Foreign) requiredBy(mod string) bool {
	for _, r := range f.require {
		if !strings.Contains(mod, r) {
			return false
		}
	}
	return true
}
