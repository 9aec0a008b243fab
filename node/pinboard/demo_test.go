package pinboard

import (
	"context"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// TestDemo serves the page for who wants to look at it.
func TestDemo(t *testing.T) {
	address := os.Getenv("PINBOARD_DEMO")
	if address == "" {
		t.Skip()
	}
	l := newLab(t)
	ann, bob, eve := l.register("ann"), l.register("bob"), l.register("eve-with-a-rather-long-name-30")
	ann.follow(bob)
	ann.follow(eve)
	l.drain()
	bob.post("Good morning. The shelf is humming, all five boards are green.")
	time.Sleep(2 * time.Millisecond)
	eve.post("A very long line without any blanks: " + string(make([]byte, 0)) + "loremipsumdolorsitametconsecteturadipiscingelitseddoeiusmodtemporincididuntutlaboreetdoloremagnaaliqua https://example.org/a/very/long/address/that/never/ends?with=parameters&and=more\n\nAnd a second paragraph, <b>with markup</b> that is only text.\n\nשלום עולם \u202e evil")
	time.Sleep(2 * time.Millisecond)
	ann.photograph("p1", photo(t, 1600, 900, 1))
	time.Sleep(2 * time.Millisecond)
	bob.photograph("p2", photo(t, 500, 1300, 3))
	time.Sleep(2 * time.Millisecond)
	ann.post("I have followed two people, and it was worth it.")
	l.drain()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			time.Sleep(300 * time.Millisecond)
			l.drain()
		}
	}()
	_ = context.Background()
	h := http.NewServeMux()
	h.HandleFunc("/demo-login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: cookieName, Value: map[string]string{"ann": ann.token, "bob": bob.token}[r.URL.Query().Get("as")], Path: "/", HttpOnly: true})
		http.Redirect(w, r, "/"+r.URL.Query().Get("to"), http.StatusFound)
	})
	h.Handle("/", l.handler)
	t.Log(http.Serve(listener, h))
}
