package node

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"picloud/node/web"
)

// mux returns what each node serves over HTTP, whatever its roles.
func (n *node) mux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/metrics", web.ReadOnly(promhttp.HandlerFor(n.metrics, promhttp.HandlerOpts{})))
	mux.Handle(statusPath, web.ReadOnly(n.serveStatus()))
	mux.Handle(web.HealthPath, web.ReadOnly(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })))
	return mux
}

// nothing answers where no role serves.
func nothing(w http.ResponseWriter, r *http.Request) {
	web.Refuse(w, web.NoPath(r, "this node has no database"))
}
