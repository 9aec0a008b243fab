package command_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"picloud/scenarios/command"
	"picloud/scenarios/command/uptest"
)

// person uses Pinboard through its API.
type person struct {
	t      *testing.T
	client *http.Client
	url    string // of a load balancer
	token  string
}

// post is what timelines say of a post, in part.
type post struct {
	Author, Text string
}

// answer is what the API answers, in part.
type answer struct {
	Name, Token string
	Posts       []post
}

// does makes a request, again and again until it is answered with 2xx, and returns the answer.
func (p *person) does(method, path, body string) (a answer) {
	p.t.Helper()
	for {
		r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
		if err != nil {
			p.t.Fatal(err)
		}
		if p.token != "" {
			r.Header.Set("Authorization", "Bearer "+p.token)
		}
		r.Header.Set("Idempotency-Key", path+body)
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		reply, err := p.client.Do(r)
		if err == nil {
			text, e := io.ReadAll(reply.Body)
			reply.Body.Close()
			if e == nil && reply.StatusCode/100 == 2 {
				if err := json.Unmarshal(text, &a); err != nil {
					p.t.Fatalf("%s %s: %q: %v", method, path, text, err)
				}
				return a
			}
			if reply.StatusCode/100 == 4 {
				p.t.Fatalf("%s %s: status %d: %s", method, path, reply.StatusCode, text)
			}
		} else if p.t.Context().Err() != nil {
			p.t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// sees waits until the timeline has these posts, the newest first.
func (p *person) sees(want ...post) {
	p.t.Helper()
	for {
		got := p.does("GET", "/api/timeline?fresh=true", "").Posts
		if len(got) > len(want) || len(got) == len(want) && !equal(got, want) {
			p.t.Fatalf("the timeline is %+v, want %+v", got, want)
		}
		if len(got) == len(want) {
			return
		}
		time.Sleep(50 * time.Millisecond) // jobs bring the rest
	}
}

func equal(a, b []post) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// TestUpServesPinboard: two people use Pinboard on three real processes. One of these is killed, and the cloud is stopped and
// started; nothing is lost.
func TestUpServesPinboard(t *testing.T) {
	if testing.Short() {
		t.Skip("a cloud of real processes takes its time")
	}
	c := uptest.New(t)
	c.Up()
	known := x509.NewCertPool()
	known.AppendCertsFromPEM([]byte(c.File("certificate.pem")))
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: known}, DisableKeepAlives: true}}
	ann := &person{t: t, client: client, url: "http://127.0.0.1:" + c.Ports["web"]}
	bob := &person{t: t, client: client, url: "https://127.0.0.2:" + c.Ports["tls"]}

	ann.token = ann.does("POST", "/api/users", `{"name":"ann","password":"correct horse","mail":"ann@example.org"}`).Token
	bob.token = bob.does("POST", "/api/users", `{"name":"bob","password":"battery staple","mail":"bob@example.org"}`).Token
	for _, mail := range []string{"mail to ann@example.org: Welcome to Pinboard, ann\n", "mail to bob@example.org: Welcome to Pinboard, bob\n"} {
		for !strings.Contains(c.Said(), mail) {
			time.Sleep(50 * time.Millisecond)
		}
	}
	if kept := c.File("mail.txt"); !strings.Contains(kept, "To: ann@example.org\nSubject: Welcome to Pinboard, ann\n") {
		t.Errorf("the mails are kept as %q", kept)
	}

	ann.does("POST", "/api/posts", `{"text":"hello"}`)
	bob.does("PUT", "/api/follows/ann", "")
	bob.sees(post{"ann", "hello"})
	pid, err := strconv.Atoi(c.File("pi-2.pid")) // whose load balancer bob uses
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ann.does("POST", "/api/posts", `{"text":"still there"}`)
	bob.sees(post{"ann", "still there"}, post{"ann", "hello"})

	c.Down()
	c.Up()
	bob.sees(post{"ann", "still there"}, post{"ann", "hello"})
	if a := ann.does("GET", "/api/me", ""); a.Name != "ann" {
		t.Errorf("ann is %q", a.Name)
	}
	text, err := os.ReadFile(filepath.Join(c.Folder, "pi-1.log"))
	if err != nil || bytes.Contains(text, []byte(`"level":"ERROR"`)) {
		t.Errorf("%v: %s", err, text)
	}
}

// TestOneUpUsesAFolder: a second one says so, and breaks nothing of the cloud that runs.
func TestOneUpUsesAFolder(t *testing.T) {
	if testing.Short() {
		t.Skip("a cloud of real processes takes its time")
	}
	c := uptest.New(t, "-database", "-chaos")
	c.Up()
	before := c.File("pi-1.yaml")
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	args := []string{"up", "-database", "-dir", c.Folder}
	for name, port := range uptest.New(t).Ports {
		args = append(args, "-"+name, port)
	}
	second := exec.CommandContext(ctx, os.Args[0], args...)
	second.Cancel = func() error { return second.Process.Signal(os.Interrupt) }
	said, _ := second.CombinedOutput() // the status says it
	if want := "up: another up uses " + c.Folder + "\n"; string(said) != want || second.ProcessState.ExitCode() != int(command.BadInput) {
		t.Errorf("a second up ends with %s and says %q, not %q", second.ProcessState, said, want)
	}
	if c.File("pi-1.yaml") != before {
		t.Error("the second up has written another pi-1.yaml")
	}
	for _, name := range []string{"pi-1.pid", "pi-2.pid", "pi-3.pid", "keeper.chaos"} {
		if _, err := os.Stat(filepath.Join(c.Folder, name)); err != nil {
			t.Errorf("the second up has removed what is of the first: %v", err)
		}
	}
}

// TestUpRefusesWhatItsNodesWouldNotTake in one sentence, before anything is started.
func TestUpRefusesWhatItsNodesWouldNotTake(t *testing.T) {
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{[]string{"-web", "28080", "-http", "28080"}, "up: -web and -http are both 28080, and each port is used once"},
		{[]string{"-mail", "28080", "-tls", "28080"}, "up: -tls and -mail are both 28080, and each port is used once"},
		{[]string{"-database", "-store", "28080", "-redis", "028080"}, "up: -redis and -store are both 28080, and each port is used once"},
		{[]string{"-web", "0"}, `up: -web: "0" is not a port`},
		{[]string{"-web", ""}, `up: -web: "" is not a port`},
		{[]string{"-database", "-http", "65536"}, `up: -http: "65536" is not a port`},
		{[]string{"-redis", "redis"}, `up: -redis: "redis" is not a port`},
		{[]string{"-moderators", ",,A B,"}, `up: pinboard: the option "moderators" is ",,A B,": `},
		{[]string{"-moderators", "ann, ann"}, `up: pinboard: the option "moderators" is "ann, ann": ann stands there twice`},
	} {
		folder := filepath.Join(t.TempDir(), "new")
		refuses(t, folder, c.want, c.flags...)
		if _, err := os.Stat(folder); err == nil {
			t.Errorf("%q: it has made the folder", c.flags)
		}
	}
	folder := t.TempDir()
	token := filepath.Join(folder, "token")
	if err := os.WriteFile(token, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, folder, "up: "+token+" is empty")
}

// refuses fails the test unless up says why it does not run a cloud, and has written no configuration and started no node.
func refuses(t *testing.T, folder, want string, flags ...string) {
	t.Helper()
	args := []string{"-dir", folder}
	for name, port := range uptest.New(t).Ports {
		args = append(args, "-"+name, port)
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	if err := command.Up(ctx, append(args, flags...)); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%q: the error is %v, want %q", flags, err, want)
	}
	if left, err := filepath.Glob(filepath.Join(folder, "pi-*")); err != nil || len(left) > 0 {
		t.Errorf("%q: there are %q, %v", flags, left, err)
	}
}
