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
	Schedule  string          `json:"schedule,omitempty"` // the SHA-256 of its text
	Felt      []int64         `json:"felt"`               // in the order of the schedule
	Played    []string        `json:"played,omitempty"`   // the faults in the same order as they were played, if some were not as they are written
	Deaths    []reports.Death `json:"deaths"`
	Replay    string          `json:"replay"`
	Checks    []reports.Check `json:"checks,omitempty"` // those that cannot be made again
}

// Save writes what a run of the scenario left into a folder, which it makes.
func (s *Scenario) Save(folder string, r Run) error {
	var lines bytes.Buffer
	record, err := json.MarshalIndent(runRecord{
		Scenario:  s.Name,
		Seed:      r.Seed,
		TraceHash: r.TraceHash,
		Ended:     reports.Seconds(r.Ended),
		Schedule:  sumOf(r.Schedule),
		Felt:      append([]int64{}, r.Felt...),
		Played:    linesOf(r.Played),
		Deaths:    append([]reports.Death{}, r.Deaths...),
		Replay:    r.Replay,
		Checks:    r.Checks,
	}, "", "  ")
	if err = errors.Join(err, r.History.Write(&lines)); err != nil {
		return err
	}
	return errors.Join(err,
		s.saveAlerts(folder, r.Log),
		reports.WriteBoards(folder, r.Boards),
		reports.WriteFile(filepath.Join(folder, ScenarioFile), s.text),
		reports.WriteFile(filepath.Join(folder, history.FileName), lines.Bytes()),
		reports.WriteFile(filepath.Join(folder, ScheduleFile), []byte(r.Schedule.String())),
		reports.WriteFile(filepath.Join(folder, LogFile), r.Log),
		reports.WriteFile(filepath.Join(folder, RunFile), append(record, '\n')),
	)
}

// sumOf returns what tells a schedule from others, however its text is laid out.
func sumOf(s chaos.Schedule) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s.String()))) }

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

// playedIn reads what linesOf returned.
func playedIn(lines []string) (played chaos.Schedule, err error) {
	for _, line := range lines {
		f, bad := chaos.ParseFault(line)
		if bad != nil {
			return nil, fmt.Errorf("%s: played: %w", RunFile, bad)
		}
		played = append(played, f)
	}
	return played, nil
}

// ErrScheduleEdited says that a run's schedule is not the one that was played: it can be played
// again, and not judged again.
var ErrScheduleEdited = errors.New("the schedule was edited")

// LoadRun reads what a run left, with its scenario.
func LoadRun(folder string) (*Scenario, Run, error) {
	s, err := Load(filepath.Join(folder, ScenarioFile))
	if err != nil {
		return nil, Run{}, err
	}
	b, err := os.ReadFile(filepath.Join(folder, RunFile))
	if err != nil {
		return nil, Run{}, err
	}
	var record runRecord
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&record); err != nil {
		return nil, Run{}, fmt.Errorf("%s: %w", RunFile, err)
	}
	text, err := os.ReadFile(filepath.Join(folder, ScheduleFile))
	if err != nil {
		return nil, Run{}, err
	}
	schedule, err := chaos.Parse(ScheduleFile, string(text))
	if err != nil {
		return nil, Run{}, err
	}
	played, err := playedIn(record.Played)
	if err != nil {
		return nil, Run{}, err
	}
	var edited error
	switch {
	case len(schedule) != len(record.Felt) || played != nil && len(played) != len(schedule):
		edited = fmt.Errorf("%s counts %d faults and %s has %d: %w",
			RunFile, len(record.Felt), ScheduleFile, len(schedule), ErrScheduleEdited)
	case record.Schedule != "" && record.Schedule != sumOf(schedule):
		edited = fmt.Errorf("%s knows another %s: %w", RunFile, ScheduleFile, ErrScheduleEdited)
	}
	lines, err := os.Open(filepath.Join(folder, history.FileName))
	if err != nil {
		return nil, Run{}, err
	}
	defer lines.Close()
	h, err := history.ReadFrom(history.FileName, lines)
	if err != nil {
		return nil, Run{}, err
	}
	boards, bad := reports.ReadBoards(folder)
	log, err := os.ReadFile(filepath.Join(folder, LogFile))
	return s, Run{
		Seed:      record.Seed,
		TraceHash: record.TraceHash,
		Ended:     time.Duration(record.Ended),
		History:   h,
		Log:       log,
		Schedule:  schedule,
		Played:    played,
		Felt:      record.Felt,
		Deaths:    record.Deaths,
		Boards:    boards,
		Replay:    record.Replay,
		Checks:    record.Checks,
	}, errors.Join(err, bad, edited)
}

// JudgeFolder judges what a run left in a folder and writes the reports beside it.
func JudgeFolder(folder string) (reports.Result, error) {
	s, run, err := LoadRun(folder)
	if err != nil {
		return reports.Result{}, err
	}
	return s.JudgeInto(folder, run)
}
