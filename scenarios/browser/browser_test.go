package browser

import (
	"context"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/app"
	"picloud/node/cache"
	"picloud/node/host"
	"picloud/node/host/hosttest"
	"picloud/node/lambda"
	"picloud/node/pinboard"
	"picloud/node/queue"
	"picloud/node/store/storetest"
	"picloud/node/wait"
)

var (
	look = flag.String("look", "", "a folder for pictures of what the browser shows")
	at   = flag.String("at", "", "the address of a cloud that serves the page, in place of one of this test's own")
)

// TestAPersonUsesThePage with a real browser, and real jobs.
func TestAPersonUsesThePage(t *testing.T) {
	chromium, err := Find()
	if err != nil {
		t.Skip(err)
	}
	c := Config{URL: *at, Chromium: chromium, Folder: t.TempDir(), Suffix: time.Now().UTC().Format("150405"), Patience: time.Minute}
	if c.URL == "" {
		c.URL = serve(t)
	}
	if *look != "" {
		c.Look = func(name string, png []byte) error {
			return os.WriteFile(filepath.Join(*look, name+".png"), png, 0o644)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := Walk(ctx, c); err != nil {
		t.Fatal(err)
	}
}

// serve runs the application, its jobs and their queue on this machine, on a store in memory. It returns where the page is.
func serve(t *testing.T) string {
	t.Helper()
	h, err := host.NewReal(host.RealConfig{Name: "pi-1", Address: "127.0.0.1", Machines: map[string]string{"pi-1": "127.0.0.1"}, Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	h.Log = slog.New(slog.DiscardHandler)
	store, registry := storetest.New(t), prometheus.NewRegistry()
	made, err := pinboard.New(app.Kit{Node: h.Name, Store: store, Cache: cache.Direct(store), Network: h.Network, Effort: little{}, Log: h.Log, Metrics: registry})
	if err != nil {
		t.Fatal(err)
	}
	port := hosttest.FreePort(t)
	queues, err := queue.New(queue.Config{Port: port, Queues: []queue.Queue{{Name: "pinboard", Partitions: api.Partitions{Namespace: "pinboard", Count: 16}}}},
		h.Name, store, registry, h.Log)
	if err != nil {
		t.Fatal(err)
	}
	jobs := queue.NewClient(h.Network, store, h.Log)
	functions, err := lambda.New(lambda.Config{Functions: made.Functions()}, jobs, h.Network, registry, h.Log)
	if err != nil {
		t.Fatal(err)
	}
	queueListener, err := h.Network.Listen("tcp", net.JoinHostPort("", port))
	if err != nil {
		t.Fatal(err)
	}
	pageListener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	page := &http.Server{Handler: made.Handler()}

	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, run := range []func(){
		func() { _ = page.Serve(pageListener) },
		func() { _ = queues.Run(ctx, queueListener) },
		func() { jobs.Run(ctx) },
		func() { _ = functions.Run(ctx, store) },
		func() {
			for wait.For(ctx, time.Second) {
				store.Tick(time.Second)
			}
		},
	} {
		all.Go(run)
	}
	t.Cleanup(func() { _ = page.Close(); cancel(); all.Wait() })
	return "http://" + pageListener.Addr().String() + "/"
}

// little is an effort for which a password is little work.
type little struct{}

func (little) Rounds(int, time.Duration) int { return 2 }
