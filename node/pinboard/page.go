package pinboard

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"time"

	"picloud/node/web"
)

// The page, which asks the API for all that it shows.
var (
	//go:embed page/index.html
	indexHTML []byte
	//go:embed page/pinboard.css
	pinboardCSS []byte
	//go:embed page/pinboard.js
	pinboardJS []byte
	//go:embed page/moderation.js
	moderationJS []byte
	//go:embed page/icon.svg
	iconSVG []byte
)

// pagePolicy lets the page have its own script, its own style and pictures from here, and nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pages returns what serves the files of the page, by their paths.
func pages() map[string]http.Handler {
	return map[string]http.Handler{
		"/{$}":           file("text/html; charset=utf-8", indexHTML),
		"/pinboard.css":  file("text/css; charset=utf-8", pinboardCSS),
		"/pinboard.js":   file("text/javascript; charset=utf-8", pinboardJS),
		"/moderation.js": file("text/javascript; charset=utf-8", moderationJS),
		"/icon.svg":      file("image/svg+xml", iconSVG),
	}
}

// file serves a file, of which browsers ask each time whether it has changed.
func file(kind string, data []byte) http.Handler {
	sum := sha256.Sum256(data)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return web.ReadOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("ETag", tag)
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
}
