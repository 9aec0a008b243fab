package link

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// mostLine is the length of the longest line of a list that is read, in bytes.
const mostLine = 4096

// Read reads a list, a line for each entry (see Entry), or as hosts files have it: an address and hosts, which are blocked
// alone. Of those, names without a dot and addresses are passed over, since they are the machine's own. Behind a # are
// remarks. It stops at the first line that is wrong; the error says which.
func Read(from io.Reader, add func(Entry) error) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, mostLine)
	n := 0
	for lines.Scan() {
		n++
		if err := readLine(lines.Text(), add); err != nil {
			return fmt.Errorf("read the list: line %d: %w", n, err)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("read the list: line %d: it is longer than %d bytes", n+1, mostLine)
	} else if err != nil {
		return fmt.Errorf("read the list: after line %d: %w", n, err)
	}
	return nil
}

func readLine(line string, add func(Entry) error) error {
	if i := remark(line); i >= 0 {
		line = line[:i]
	}
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil
	}
	if len(words) == 1 {
		e, err := ParseEntry(words[0])
		if err != nil {
			return err
		}
		return add(e)
	}
	if _, err := netip.ParseAddr(words[0]); err != nil {
		return fmt.Errorf("there is more than one word, and %.100q is no address", words[0])
	}
	for _, word := range words[1:] {
		l, err := Normal(word)
		if err != nil {
			return err
		}
		if l.Path != "" {
			return fmt.Errorf("%.100q has a path, which hosts have none of", word)
		}
		if isAddress(l.Host) || !strings.Contains(l.Host, ".") {
			continue
		}
		if err := add(hostOnly(l.Host)); err != nil {
			return err
		}
	}
	return nil
}

// remark returns where a remark begins, -1 if there is none: at the beginning of a line or behind a space, so that
// it is not taken for a fragment.
func remark(line string) int {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return i
		}
	}
	return -1
}
