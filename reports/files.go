package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The files of a run, in its folder.
const (
	ResultFile   = "result.json"
	TimelineFile = "timeline.json"
	BoardsFile   = "boards.json" // where machines have boards
	SummaryFile  = "summary.txt"
	PageFile     = "report.html"
	JUnitFile    = "junit.xml"
	TimingFile   = "timing.json"
	DiffFile     = "diff.html" // of a comparison with another run
)

// Timing is what was measured in real time. It is not part of the result.
type Timing struct {
	WallSeconds  float64 `json:"wall_seconds"`
	CheckSeconds float64 `json:"check_seconds,omitempty"`
}

// Write writes the result, the timeline, the summary, the page and the JUnit report into a folder, which it makes.
// Each file is there whole or not at all. What boards went through is evidence, and there already; so is what the run was cut down to, if
// it was.
func Write(folder string, r *Result, t Timeline, b Boards) error {
	m, err := minimalOf(folder, r)
	if err != nil {
		return err
	}
	r.Minimal = m
	result, err := r.Encode()
	if err != nil {
		return err
	}
	timeline, err := json.Marshal(t)
	if err != nil {
		return err
	}
	junit, err := JUnit(r)
	if err != nil {
		return err
	}
	return errors.Join(
		WriteFile(filepath.Join(folder, JUnitFile), junit),
		WriteFile(filepath.Join(folder, TimelineFile), append(timeline, '\n')),
		WriteFile(filepath.Join(folder, SummaryFile), []byte(Summary(r))),
		WriteFile(filepath.Join(folder, PageFile), []byte(Page(r, t, b))),
		WriteFile(filepath.Join(folder, ResultFile), result),
	)
}

// WriteBoards writes what the boards of a run went through, if there are any. If not, what a run before it has left in the folder goes.
func WriteBoards(folder string, b Boards) error {
	if len(b) == 0 {
		return RemoveFile(filepath.Join(folder, BoardsFile))
	}
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return WriteFile(filepath.Join(folder, BoardsFile), append(text, '\n'))
}

// RemoveFile takes a file away, if it is there.
func RemoveFile(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// ReadBoards reads what the boards of a run went through; nothing if there are none.
func ReadBoards(folder string) (Boards, error) {
	var b Boards
	err := readJSON(filepath.Join(folder, BoardsFile), &b)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// WriteTiming writes what was measured in real time.
func WriteTiming(folder string, t Timing) error {
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return WriteFile(filepath.Join(folder, TimingFile), append(b, '\n'))
}

// Read reads the result and the timeline of a run from its folder.
func Read(folder string) (*Result, Timeline, error) {
	var r Result
	var t Timeline
	path := filepath.Join(folder, ResultFile)
	if err := readJSON(path, &r); err != nil {
		return nil, nil, err
	}
	if r.Scenario == "" {
		return nil, nil, fmt.Errorf("%s names no scenario", path)
	}
	if err := readJSON(filepath.Join(folder, TimelineFile), &t); err != nil {
		return nil, nil, err
	}
	var err error
	r.Minimal, err = minimalOf(folder, &r)
	return &r, t, err
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// WriteFile writes a file beside its place, syncs it and then moves it there, so that no reader
// finds half of it. It makes the folder.
func WriteFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return replace(path, content, 0o644)
}

// WriteSecret writes a file that only its owner may read, as WriteFile does, into a folder that is there. It is still there after a power cut.
func WriteSecret(path string, content []byte) error {
	if err := replace(path, content, 0o600); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// replace puts a file in its place as a whole.
func replace(path string, content []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // which only its owner may read
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Encode returns the result as indented JSON with a newline at the end. Lists are never null.
func (r *Result) Encode() ([]byte, error) {
	whole := *r
	whole.Checks = append([]Check{}, r.Checks...)
	whole.Faults = append([]Fault{}, r.Faults...)
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(&whole)
	return []byte(b.String()), err
}
