package db

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSlowClientsHoldNoConnections sends the beginning of a request, and waits.
func TestSlowClientsHoldNoConnections(t *testing.T) {
	const limit = 200 * time.Millisecond
	l := newLab(t, Config{Tokens: []Token{{"long-enough", Admin, []string{Everywhere}}}, Timeout: limit})
	web := strings.TrimPrefix(l.web.URL, "http://")
	const entry = "Host: x\r\nAuthorization: Bearer long-enough\r\n"
	for _, c := range []struct{ address, sent, got string }{
		{web, "PUT /v1/app/a HTTP/1.1\r\n" + entry + "Content-Length: 5\r\n\r\n1", "HTTP/1.1 400 Bad Request"},
		{web, "PUT /v1/app/a HTTP/1.1\r\n" + entry + "Transfer-Encoding: chunked\r\n\r\n5\r\n1", "HTTP/1.1 400 Bad Request"},
		{web, "PUT /v1/app/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n1", "HTTP/1.1 401 Unauthorized"},
		{web, "PUT /v1/app/a HTTP/1.1\r\n" + entry + fmt.Sprintf("Content-Length: %d\r\n\r\n1", 100<<20), "HTTP/1.1 413 Request Entity Too Large"},
		{l.resp, "*2\r\n$4\r\nAUTH\r\n$11\r\nlong", ""},
		{l.resp, "", ""},
		{l.resp, "PING\r\nPI", "-NOAUTH Authentication required."},
	} {
		t.Run(fmt.Sprintf("%.20q", c.sent), func(t *testing.T) {
			stream, err := net.Dial("tcp", c.address)
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			if _, err := io.WriteString(stream, c.sent); err != nil {
				t.Fatal(err)
			}
			stream.SetReadDeadline(time.Now().Add(20 * limit))
			r := bufio.NewReader(stream)
			line, err := r.ReadString('\n')
			if strings.TrimSpace(line) != c.got {
				t.Errorf("%q, %v", line, err)
			}
			if _, err := io.Copy(io.Discard, r); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Error("it is not hung up")
			}
		})
	}
	if n := l.store.Writes(); n != 0 {
		t.Errorf("%d writes", n)
	}
}

// TestWhoWasLetInMayTakeHisTime waits longer than strangers may, and longer than one request may take.
func TestWhoWasLetInMayTakeHisTime(t *testing.T) {
	const limit = 100 * time.Millisecond
	l := newLab(t, Config{Tokens: []Token{{"long-enough", Admin, []string{Everywhere}}}, Timeout: limit})
	stream, err := net.Dial("tcp", l.resp)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	r := bufio.NewReader(stream)
	for _, c := range []struct{ sent, got string }{{"AUTH long-enough\r\n", "+OK\r\n"}, {"PING\r\n", "+PONG\r\n"}, {"PING\r\n", "+PONG\r\n"}} {
		if _, err := io.WriteString(stream, c.sent); err != nil {
			t.Fatal(err)
		}
		if line, err := r.ReadString('\n'); line != c.got {
			t.Fatalf("%q, %v", line, err)
		}
		time.Sleep(3 * limit)
	}
	web := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	for range 3 {
		q, err := http.NewRequest(http.MethodPut, l.web.URL+"/v1/app/a", strings.NewReader("1"))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Authorization", "Bearer long-enough")
		reply, err := web.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, reply.Body); err != nil || reply.StatusCode != http.StatusOK {
			t.Fatal(reply.Status, err)
		}
		reply.Body.Close()
		time.Sleep(3 * limit)
	}
}
