package scenarios

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios/history"
)

// The evidence of a run, in its folder beside the reports. It is written before anything is
// judged, and can be judged again.
const (
	ScheduleFile = "schedule.txt"
	RunFile      = "run.json"
	ScenarioFile = "scenario.yaml"
	LogFile      = "log.jsonl"
)

// runRecord is run.json: what a run left beside its history and schedule.
type runRecord struct {
	Scenario  string          `json:"scenario"`
	Seed      uint64          `json:"seed"`
	TraceHash string          `json:"trace_hash"`
	Ended     reports.Seconds `json:"ended"`
	Schedule  string          `json:"schedule"`         // the SHA-256 of its text, however somebody lays it out
	Felt      []int64         `json:"felt"`             // in the order of the schedule
	Played    []string        `json:"played,omitempty"` // the faults in the same order as they were played, if some were not as they are written
	Deaths    []reports.Death `json:"deaths"`
	Replay    string          `json:"replay"`
	Checks    []reports.Check `json:"checks,omitempty"` // those that cannot be made again

	// Files has the SHA-256 of each file that is judged, by its name, but for the schedule, which may be edited.
	Files map[string]string `json:"files"`
}

// Save writes what a run of the scenario left into a folder, which it makes.
func (s *Scenario) Save(folder string, r Run) error {
	var lines bytes.Buffer
	if err := r.History.Write(&lines); err != nil {
		return err
	}
	files := map[string]string{ScenarioFile: sumOf(s.text), history.FileName: sumOf(lines.Bytes()), LogFile: sumOf(r.Log)}
	if len(r.Boards) > 0 {
		text, err := json.Marshal(r.Boards)
		if err != nil {
			return err
		}
		files[reports.BoardsFile] = sumOf(append(text, '\n')) // as WriteBoards writes them
	}
	record, err := json.MarshalIndent(runRecord{
		Scenario:  s.Name,
		Seed:      r.Seed,
		TraceHash: r.TraceHash,
		Ended:     reports.Seconds(r.Ended),
		Schedule:  sumOf([]byte(r.Schedule.String())),
		Felt:      append([]int64{}, r.Felt...),
		Played:    linesOf(r.Played),
		Deaths:    append([]reports.Death{}, r.Deaths...),
		Replay:    r.Replay,
		Checks:    r.Checks,
		Files:     files,
	}, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(
		s.saveAlerts(folder, r.Log),
		reports.WriteBoards(folder, r.Boards),
		reports.WriteFile(filepath.Join(folder, ScenarioFile), s.text),
		reports.WriteFile(filepath.Join(folder, history.FileName), lines.Bytes()),
		reports.WriteFile(filepath.Join(folder, ScheduleFile), []byte(r.Schedule.String())),
		reports.WriteFile(filepath.Join(folder, LogFile), r.Log),
		reports.WriteFile(filepath.Join(folder, RunFile), append(record, '\n')),
	)
}

// sumOf returns what tells a text from others.
func sumOf(text []byte) string { return fmt.Sprintf("%x", sha256.Sum256(text)) }

// saveAlerts writes how alerts changed, or takes away what another run has left, if nobody watches.
func (s *Scenario) saveAlerts(folder string, log []byte) error {
	path := filepath.Join(folder, AlertsFile)
	if !s.hasMonitor() {
		return reports.RemoveFile(path)
	}
	text, err := alertLines(alertChanges(log))
	return errors.Join(err, reports.WriteFile(path, text))
}

// linesOf returns the text of faults one by one.
func linesOf(s chaos.Schedule) (lines []string) {
	for i := range s {
		lines = append(lines, s[i].String())
	}
	return lines
}

// playedIn reads what linesOf returned. The file that it stands in is for the messages.
func playedIn(file string, lines []string) (played chaos.Schedule, err error) {
	for _, line := range lines {
		f, bad := chaos.ParseFault(line)
		if bad != nil {
			return nil, fmt.Errorf("%s: played: %w", file, bad)
		}
		played = append(played, f)
	}
	return played, nil
}

// ErrScheduleEdited says that a run's schedule is not the one that was played: it can be played
// again, and not judged again.
var ErrScheduleEdited = errors.New("the schedule was edited")

// LoadRun reads what a run left, with its scenario. A folder in which something is not as the run left it is refused. With
// ErrScheduleEdited all else is as it was, and the run has the schedule that stands there now.
func LoadRun(folder string) (*Scenario, Run, error) {
	record, err := recordIn(folder)
	if err != nil {
		return nil, Run{}, err
	}
	texts, err := record.texts(folder)
	if err != nil {
		return nil, Run{}, err
	}
	s, err := Parse(filepath.Join(folder, ScenarioFile), texts[ScenarioFile])
	if err != nil {
		return nil, Run{}, err
	}
	if s.Name != record.Scenario {
		return nil, Run{}, fmt.Errorf("%s is of a run of %s, and %s is %s", filepath.Join(folder, RunFile), record.Scenario, ScenarioFile, s.Name)
	}
	h, err := history.ReadFrom(filepath.Join(folder, history.FileName), bytes.NewReader(texts[history.FileName]))
	if err != nil {
		return nil, Run{}, err
	}
	boards, err := reports.ReadBoards(folder)
	if err != nil {
		return nil, Run{}, err
	}
	schedule, played, err := record.faults(folder)
	if err != nil && !errors.Is(err, ErrScheduleEdited) {
		return nil, Run{}, err
	}
	return s, Run{
		Seed:      record.Seed,
		TraceHash: record.TraceHash,
		Ended:     time.Duration(record.Ended),
		History:   h,
		Log:       texts[LogFile],
		Schedule:  schedule,
		Played:    played,
		Felt:      record.Felt,
		Deaths:    record.Deaths,
		Boards:    boards,
		Replay:    record.Replay,
		Checks:    record.Checks,
	}, err
}

// recordIn reads the record of a run. One that does not say of which run it is is refused.
func recordIn(folder string) (record runRecord, err error) {
	path := filepath.Join(folder, RunFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return record, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&record); err != nil {
		return record, fmt.Errorf("%s: %w", path, err)
	}
	switch {
	case record.Scenario == "":
		return record, fmt.Errorf("%s names no scenario", path)
	case record.TraceHash == "":
		return record, fmt.Errorf("%s has no hash of a trace", path)
	case len(record.Files) == 0:
		return record, fmt.Errorf("%s has no sums of the files that the run left: it is not whole, or an older program wrote it", path)
	}
	return record, nil
}

// texts reads the files of a run that are judged, and refuses what the run did not leave.
func (r *runRecord) texts(folder string) (map[string][]byte, error) {
	texts := map[string][]byte{}
	for _, name := range []string{ScenarioFile, history.FileName, LogFile, reports.BoardsFile} {
		path := filepath.Join(folder, name)
		text, err := os.ReadFile(path)
		switch {
		case errors.Is(err, os.ErrNotExist) && name == reports.BoardsFile && r.Files[name] == "":
			continue // no machine has a board
		case err != nil:
			return nil, err
		case r.Files[name] != sumOf(text):
			return nil, fmt.Errorf("%s is not the one that this run left", path)
		}
		texts[name] = text
	}
	return texts, nil
}

// faults reads the schedule of a run, and how its faults were played.
func (r *runRecord) faults(folder string) (schedule, played chaos.Schedule, err error) {
	path := filepath.Join(folder, ScheduleFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	if schedule, err = chaos.Parse(path, string(text)); err != nil {
		return nil, nil, err
	}
	if played, err = playedIn(filepath.Join(folder, RunFile), r.Played); err != nil {
		return nil, nil, err
	}
	switch {
	case len(schedule) != len(r.Felt) || played != nil && len(played) != len(schedule):
		err = fmt.Errorf("%s counts %d faults and %s has %d: %w", RunFile, len(r.Felt), ScheduleFile, len(schedule), ErrScheduleEdited)
	case r.Schedule != sumOf([]byte(schedule.String())):
		err = fmt.Errorf("%s knows another %s: %w", RunFile, ScheduleFile, ErrScheduleEdited)
	}
	return schedule, played, err
}

// JudgeFolder judges what a run left in a folder and writes the reports beside it.
func JudgeFolder(folder string) (reports.Result, error) {
	s, run, err := LoadRun(folder)
	if err != nil {
		return reports.Result{}, err
	}
	return s.JudgeInto(folder, run)
}
