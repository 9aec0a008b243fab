// Package accesslog reads access logs of web servers, and makes ones that look like a real site's.
//
// Invariants: a log that was read is in the order of time; what is not in one of the two formats is an error that names the line, and
// what a client sent is never one: servers log the nonsense that they are sent.
package accesslog

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Request is a line of a log.
type Request struct {
	Client       string // its address
	At           time.Time
	Method, Path string // empty if what came was no request of HTTP
	Status       int
	Bytes        int64 // of the answer's body
}

// longestLine is more than servers write: they cut requests off at 8 KiB.
const longestLine = 64 << 10

// Parse reads a log in the formats "common" or "combined" of Apache and nginx. Name is for messages.
func Parse(name string, r io.Reader) ([]Request, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestLine)
	var all []Request
	for lines.Scan() {
		one, err := parseLine(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, len(all)+1, err)
		}
		all = append(all, one)
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("%s:%d: the line is longer than %d bytes", name, len(all)+1, longestLine)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case len(all) == 0:
		return nil, fmt.Errorf("%s:1: the log is empty", name)
	}
	slices.SortStableFunc(all, func(a, b Request) int { return a.At.Compare(b.At) }) // servers write a line when the answer is out
	if first, last := all[0].At, all[len(all)-1].At; !last.Before(first.AddDate(10, 0, 0)) {
		return nil, fmt.Errorf("%s: it begins at %s and ends at %s, ten years or more later", name, first.Format(time.DateOnly), last.Format(time.DateOnly))
	}
	return all, nil
}

// timeFormat is that of both servers.
const timeFormat = "02/Jan/2006:15:04:05 -0700"

// parseLine reads
//
//	10.0.0.1 - anna [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 2326 "http://from.example/" "Agent/1.0"
//
// of which the last two belong to "combined" alone.
func parseLine(line string) (one Request, err error) {
	f := fields{rest: line}
	one.Client = f.word("the client's address")
	f.word("the second field, of identd")
	f.user()
	at := f.between('[', ']', "the time")
	request := f.between('"', '"', "the request")
	status, size := f.word("the status"), f.word("the number of bytes")
	if f.err == nil && f.rest != "" {
		f.between('"', '"', "the referrer")
		f.between('"', '"', "the agent")
	}
	switch {
	case f.err != nil:
		return one, f.err
	case f.rest != "":
		return one, fmt.Errorf("there is more behind the line's last field: %.40q", f.rest)
	}
	if one.At, err = time.Parse(timeFormat, at); err != nil {
		return one, fmt.Errorf("the time %.40q is not like %s", at, timeFormat)
	}
	if one.Status, err = strconv.Atoi(status); err != nil || len(status) != 3 || one.Status < 100 {
		return one, fmt.Errorf("the status %.40q is not 100 to 999", status)
	}
	if one.Bytes, err = strconv.ParseInt(size, 10, 64); size != "-" && (err != nil || one.Bytes < 0) {
		return one, fmt.Errorf("the number of bytes %.40q is neither one nor -", size)
	}
	if parts := strings.Split(request, " "); len(parts) == 3 && strings.HasPrefix(parts[2], "HTTP/") {
		one.Method, one.Path = parts[0], parts[1]
	}
	return one, nil
}

// fields takes a line apart, up to the first thing that is wrong.
type fields struct {
	rest string
	err  error
}

// word takes what stands up to the next space.
func (f *fields) word(what string) string {
	word, rest, _ := strings.Cut(f.rest, " ")
	if word == "" || strings.ContainsAny(word, "\"[]") {
		f.err = cmp.Or(f.err, fmt.Errorf("%s is missing", what))
	}
	f.rest = rest
	return word
}

// user takes the user's name, which is as the client sent it, with spaces and brackets: up to the time. Quotes in it are escaped, so the first
// thing that looks like a time before a request is one.
func (f *fields) user() {
	for from := 0; ; {
		i := strings.Index(f.rest[from:], " [")
		if i < 0 {
			f.word("the user")
			return
		}
		from += i + len(" [")
		at, _, found := strings.Cut(f.rest[from:], `] "`)
		if _, err := time.Parse(timeFormat, at); found && err == nil {
			f.rest = f.rest[from-1:]
			return
		}
	}
}

// between takes what stands between two characters. In quotes a backslash hides the next character.
func (f *fields) between(open, shut byte, what string) string {
	if f.rest == "" || f.rest[0] != open {
		f.err = cmp.Or(f.err, fmt.Errorf("%s is missing: there is no %c", what, open))
		return ""
	}
	for i := 1; i < len(f.rest); i++ {
		switch c := f.rest[i]; {
		case c == '\\' && shut == '"':
			i++
		case c == shut && (i+1 == len(f.rest) || f.rest[i+1] == ' '):
			text := f.rest[1:i]
			f.rest = strings.TrimPrefix(f.rest[i+1:], " ")
			return text
		case c == shut:
			f.err = cmp.Or(f.err, fmt.Errorf("behind %s there is no space: %.40q", what, f.rest[i:]))
			return ""
		}
	}
	f.err = cmp.Or(f.err, fmt.Errorf("%s does not end", what))
	return ""
}
