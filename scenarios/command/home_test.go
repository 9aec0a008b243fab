package command

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"picloud/scenarios/shelf"
)

// heard returns what is written to standard output and standard error while the test runs.
func heard(t *testing.T) func() string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	out, errs := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = f, f
	t.Cleanup(func() {
		os.Stdout, os.Stderr = out, errs
		f.Close()
	})
	return func() string {
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// TestWhyANodeDoesNotStartIsSaid: at once when its configuration is bad, after a few tries when it ends as soon as it has begun, and not
// when it has lived, or has said nothing.
func TestWhyANodeDoesNotStartIsSaid(t *testing.T) {
	said := heard(t)
	s := &home{names: []string{"bad", "mute", "hasty", "old"}, Shelf: shelf.Shelf{Folder: t.TempDir(), Program: script(t, "node", `#!/bin/sh
		case "$3" in
		*/bad.yaml) printf 'first words\nlast words of \033bad\n' >&2; exit 2;;
		*/mute.yaml) exit 2;;
		*/hasty.yaml) echo last words of hasty; exit 1;;
		esac
		sleep 1.1; echo last words of old; exit 1`)}}
	if err := os.WriteFile(s.File("mute", ".log"), []byte("words of an earlier life\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	all := s.begin(ctx)
	for strings.Count(said(), "old ended") < 4 || strings.Count(said(), "hasty ended") < 4 {
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	all.Wait()
	lives := map[string]int{}
	for line := range strings.Lines(said()) {
		name, _, _ := strings.Cut(line, " ")
		lives[name]++
		why := ""
		if name == "bad" || name == "hasty" && lives[name] > 2 {
			why = " and ends with: last words of " + name
		}
		status := map[string]int{"bad": 2, "mute": 2, "hasty": 1, "old": 1}[name]
		want := fmt.Sprintf("%s ended (exit status %d) and is started again; its log is %s%s\n", name, status, s.File(name, ".log"), why)
		if line != want {
			t.Errorf("when %s ended for the %d. time it said %q, not %q", name, lives[name], line, want)
		}
	}
}

// TestACloudThatIsLateIsGreeted: what is said of nodes that do not serve yet is not the last word.
func TestACloudThatIsLateIsGreeted(t *testing.T) {
	if testing.Short() {
		t.Skip("a cloud of real processes takes its time")
	}
	said := heard(t)
	names := []string{"pi-1"}
	p, err := shelf.FindPlace(names, 3)
	if err != nil {
		t.Fatal(err)
	}
	s := &home{bare: true, most: time.Second, names: names, addrs: p.Addresses, ports: ports{store: p.Ports[0], http: p.Ports[1], redis: p.Ports[2]}}
	s.Folder = t.TempDir()
	s.Program = script(t, "node", fmt.Sprintf("#!/bin/sh\nuntil [ -e %s ]; do sleep 0.05; done\nexec %s \"$@\"\n", s.File("go", ""), os.Args[0]))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.alone(ctx) }()
	until := func(text string) {
		for deadline := time.Now().Add(2 * time.Minute); !strings.Contains(said(), text); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("it does not say %q: %s", text, said())
				return
			}
		}
	}
	until("up: the nodes do not serve yet: ")
	if strings.Contains(said(), "the cloud is up") {
		t.Error("it is greeted too early")
	}
	if err := os.WriteFile(s.File("go", ""), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	until("the cloud is up")
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// TestWhatIsRememberedIsWhole: what is made once is found again, and what is empty or damaged is refused by the name of its file, and left
// as it is.
func TestWhatIsRememberedIsWhole(t *testing.T) {
	s := &home{names: []string{"pi-1"}, addrs: map[string]string{"pi-1": loopback}, Shelf: shelf.Shelf{Folder: t.TempDir()}}
	if err := s.remember(); err != nil {
		t.Fatal(err)
	}
	token, cloud, identity := s.token, s.cloud, s.identity
	if err := s.remember(); err != nil || s.token != token || s.cloud != cloud || s.identity != identity {
		t.Errorf("it remembers something else: %v", err)
	}
	key := strings.Index(identity, "-----BEGIN PRIVATE KEY")
	for _, c := range []struct{ file, text, want string }{
		{"token", "", "is empty"},
		{"token", "\n", "is empty"},
		{"token", "short", "is damaged: db: token 0: a token is 8 or more printable characters without spaces"},
		{"token", token + "\n" + token, "is damaged: db: token 0"},
		{"cloud", "", "is empty"},
		{"cloud", cloud + "\x00\x00", "is damaged: a cloud's name is printable characters without spaces"},
		{"certificate.pem", "", "is empty"},
		{"certificate.pem", "no certificate", "is damaged: tls: "},
		{"certificate.pem", identity[:key], "is damaged: tls: "},
		{"certificate.pem", identity[key:], "is damaged: tls: "},
		{"certificate.pem", identity[:len(identity)-60], "is damaged: tls: "},
	} {
		path := filepath.Join(s.Folder, c.file)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: others may read it, %v", c.file, err)
		}
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.remember(); err == nil || !strings.HasPrefix(err.Error(), path+" "+c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s is %.20q: the error is %v, want one of %s that %s", c.file, c.text, err, path, c.want)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != c.text {
			t.Errorf("%s was %.20q, and now it is %.20q: %v", c.file, c.text, text, err)
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
