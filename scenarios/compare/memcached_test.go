package compare

import (
	"bufio"
	"errors"
	"net"
	"testing"
)

// TestWhatMemcachedSaysIsUnderstood reads answers of memcached, and such as it would not give.
func TestWhatMemcachedSaysIsUnderstood(t *testing.T) {
	for _, test := range []struct{ said, value, fails string }{
		{"VALUE bench/1 0 5\r\nhello\r\nEND\r\n", "hello", ""},
		{"VALUE bench/1 0 0\r\n\r\nEND\r\n", "", ""},
		{"VALUE bench/1 0 7\r\n\r\nEND\r\n\r\nEND\r\n", "\r\nEND\r\n", ""},
		{"END\r\n", "", errNotKept.Error()},
		{"VALUE bench/2 0 5\r\nhello\r\nEND\r\n", "", `memcached answers "VALUE bench/2 0 5\r\n"`},
		{"VALUE bench/1 0 -5\r\n", "", `memcached answers "VALUE bench/1 0 -5\r\n"`},
		{"ERROR\r\n", "", `memcached answers "ERROR\r\n"`},
		{"VALUE bench/1 0 5\r\nhello, there\r\nEND\r\n", "", `memcached ends a value with ", there"`},
		{"VALUE bench/1 0 5\r\nhel", "", "unexpected EOF"},
	} {
		here, there := net.Pipe()
		go func() {
			if line, err := bufio.NewReader(there).ReadString('\n'); line != "get bench/1\r\n" {
				t.Errorf("it was asked %q: %v", line, err)
			}
			_, _ = there.Write([]byte(test.said))
			_ = there.Close()
		}()
		value, err := (&memcachedConn{Conn: here, in: bufio.NewReader(here)}).get("bench/1")
		if test.fails == "" && err != nil || string(value) != test.value || test.fails != "" && (err == nil || err.Error() != test.fails) {
			t.Errorf("%q gives %q: %v", test.said, value, err)
		}
		if (test.fails == errNotKept.Error()) != errors.Is(err, errNotKept) {
			t.Errorf("%q gives %v", test.said, err)
		}
		_ = here.Close()
	}
}
