// Package abuse measures abuse protection on labelled texts: what it catches, whom it hurts, and how it comes back from labels that lied.
//
// Invariants: the parts of a corpus depend on each text alone, so equal texts are in one part; what is judged is learned nowhere, and nothing
// is chosen by it. Everything but the times is equal in every run.
package abuse

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"picloud/node/abuse/text"
)

// Corpus is labelled texts in parts.
type Corpus struct {
	Train  []text.Label    // 30 %, as Almeida, Gómez Hidalgo and Yamakami have it (DocEng 2011)
	Judged [2][]text.Label // 70 %, in halves
}

// Read reads a corpus: lines of a label (ham or spam), a tab and a text; they may be gzipped.
func Read(path string) (*Corpus, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return parse(path, unpacked)
	}
	return parse(path, in)
}

// parse reads lines.
func parse(path string, from io.Reader) (*Corpus, error) {
	c := &Corpus{}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, text.MostBytes+len("spam\t\r\n"))
	n := 1
	for ; lines.Scan(); n++ {
		label, what, tab := bytes.Cut(lines.Bytes(), []byte{'\t'})
		if is := string(label); !tab || is != "ham" && is != "spam" || len(what) == 0 {
			return nil, fmt.Errorf("%s:%d: a line is ham or spam, a tab and a text, not %.80q", path, n, lines.Bytes())
		}
		c.add(text.Label{Text: string(what), Spam: string(label) == "spam"})
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("%s:%d: a text has at most %d bytes", path, n, text.MostBytes)
	case err != nil:
		return nil, fmt.Errorf("%s:%d: %w", path, n, err)
	}
	for _, part := range [][]text.Label{c.Train, c.Judged[0], c.Judged[1]} {
		if n := count(part); n.Ham == 0 || n.Spam == 0 {
			return nil, fmt.Errorf("%s: of %d texts, none is ham or none is spam in one of the parts", path, c.size())
		}
	}
	return c, nil
}

// add puts a text where it belongs: the first eight bytes of its SHA-256, as a big-endian number modulo ten, say to which part, and the
// parity of the ninth to which half.
func (c *Corpus) add(l text.Label) {
	sum := sha256.Sum256([]byte(l.Text))
	if binary.BigEndian.Uint64(sum[:])%10 < 3 {
		c.Train = append(c.Train, l)
		return
	}
	half := &c.Judged[sum[8]%2]
	*half = append(*half, l)
}

func (c *Corpus) size() int { return len(c.Train) + len(c.Judged[0]) + len(c.Judged[1]) }

// Count is how many texts there are of each kind.
type Count struct {
	Ham  int `json:"ham"`
	Spam int `json:"spam"`
}

func count(labels []text.Label) (n Count) {
	for _, l := range labels {
		if l.Spam {
			n.Spam++
		} else {
			n.Ham++
		}
	}
	return n
}
