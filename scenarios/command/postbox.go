package command

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"unicode"
)

// postbox takes the mails that Pinboard sends, says that they came, and keeps them in a file. No mail leaves the machine.
type postbox struct {
	file string
	say  io.Writer

	mu   sync.Mutex
	seen map[string]bool // by ID: a mail may come more than once
}

// ServeHTTP takes a mail.
func (p *postbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m struct{ ID, To, Subject, Text string }
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil || json.Unmarshal(body, &m) != nil || m.ID == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.seen[m.ID] {
		to, subject := printable(m.To), printable(m.Subject)
		lines := strings.Split(m.Text, "\n")
		for i := range lines {
			lines[i] = printable(lines[i])
		}
		text := strings.TrimSpace(strings.Join(lines, "\n"))
		if err := p.keep(fmt.Sprintf("To: %s\nSubject: %s\nMessage-ID: %s\n\n%s\n\n\n", to, subject, printable(m.ID), text)); err != nil {
			fmt.Fprintf(p.say, "a mail cannot be kept: %v\n", err)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		p.seen[m.ID] = true
		fmt.Fprintf(p.say, "mail to %s: %s\n", to, subject)
	}
	w.WriteHeader(http.StatusNoContent)
}

func (p *postbox) keep(mail string) error {
	f, err := os.OpenFile(p.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(mail); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// printable returns a text without what a terminal would not print but do.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}
