package history

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// FileName is the name of the file in the folder of a run.
const FileName = "history.jsonl"

// maxLine is the longest line that a history may have, in bytes.
const maxLine = 1 << 20

// Write writes the history, one operation a line, in the order it has.
func (h History) Write(w io.Writer) error {
	b := bufio.NewWriter(w)
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	for i := range h {
		if err := encoder.Encode(&h[i]); err != nil {
			return err
		}
	}
	return b.Flush()
}

// ReadFrom reads a history and checks it whole. The name is for the messages.
func ReadFrom(name string, r io.Reader) (History, error) {
	var h History
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		o, err := parse(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		h = append(h, o)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	h.Sort()
	if err := h.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return h, nil
}

func parse(line []byte) (Operation, error) {
	var o Operation
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&o); err != nil {
		return o, fmt.Errorf("not an operation: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return o, errors.New("more than one operation on a line")
	}
	return o, o.Validate()
}
