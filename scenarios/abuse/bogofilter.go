package abuse

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"picloud/node/abuse/text"
)

// Rival is what another filter makes of the same texts.
type Rival struct {
	Name      string  `json:"name"`
	Curve     []Point `json:"curve"`
	VerdictNs int64   `json:"verdict_ns"` // CPU time of its processes; differs from run to run
	LearnNs   int64   `json:"learn_ns"`
}

// Bogofilter lets bogofilter, the Bayesian mail filter that Debian has, learn the training part and score the rest. Each text is a mail without
// headers. Its own thresholds are meant for mail, so only the ideal curve is compared.
func Bogofilter(ctx context.Context, c *Corpus) (*Rival, error) {
	folder, err := os.MkdirTemp("", "picloud-bogofilter-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	run := func(in []byte, args ...string) (string, time.Duration, error) {
		cmd := exec.CommandContext(ctx, "bogofilter", append([]string{"-d", folder, "-M"}, args...)...)
		cmd.Stdin = bytes.NewReader(in)
		var wrong bytes.Buffer
		cmd.Stderr = &wrong
		out, err := cmd.Output()
		if code := cmd.ProcessState; err != nil && (code == nil || code.ExitCode() > 2) { // 0 to 2 say what the last mail is
			return "", 0, fmt.Errorf("abuse: run bogofilter: %w: %s", err, bytes.TrimSpace(wrong.Bytes()))
		}
		return string(out), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
	}
	version, err := exec.CommandContext(ctx, "bogofilter", "-V").Output()
	if err != nil {
		return nil, fmt.Errorf("abuse: run bogofilter, which Debian's package bogofilter has: %w", err)
	}
	r := &Rival{Name: strings.Join(strings.Fields(string(version))[:3], " ")}
	var learning time.Duration
	for _, part := range []struct {
		flag string
		spam bool
	}{{"-n", false}, {"-s", true}} {
		_, took, err := run(mails(c.Train, part.spam), part.flag)
		if err != nil {
			return nil, err
		}
		learning += took
	}
	r.LearnNs = learning.Nanoseconds() / int64(len(c.Train))
	judged := slices.Concat(c.Judged[:]...)
	var s scores
	var judging time.Duration
	for _, part := range []struct {
		to   *[]int64
		spam bool
	}{{&s.ham, false}, {&s.spam, true}} {
		out, took, err := run(mails(judged, part.spam), "-TT")
		if err == nil {
			*part.to, err = readScores(out)
		}
		if err != nil {
			return nil, err
		}
		judging += took
	}
	if got, want := len(s.ham)+len(s.spam), len(judged); got != want {
		return nil, fmt.Errorf("abuse: bogofilter scored %d of %d texts", got, want)
	}
	r.VerdictNs = judging.Nanoseconds() / int64(len(judged))
	for _, may := range allowances() {
		r.Curve = append(r.Curve, ideal(s, may))
	}
	return r, nil
}

// mails returns the texts with a label as an mbox.
func mails(labels []text.Label, spam bool) []byte {
	var b bytes.Buffer
	for _, l := range labels {
		if l.Spam == spam {
			fmt.Fprintf(&b, "From x Thu Jan  1 00:00:00 1970\n\n%s\n\n", strings.ReplaceAll("\n"+l.Text, "\nFrom ", "\n>From ")[1:])
		}
	}
	return b.Bytes()
}

// readScores reads a probability a line.
func readScores(out string) (all []int64, _ error) {
	for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); {
		p, err := strconv.ParseFloat(lines.Text(), 64)
		if err != nil {
			return nil, fmt.Errorf("abuse: bogofilter said %.80q, which is no score", lines.Text())
		}
		all = append(all, int64(p*1e15))
	}
	return all, nil
}

// Table says for a person what the other filter did.
func (r *Rival) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s, with the same texts: CPU time of a verdict %s, of a label %s\n", r.Name, micro(r.VerdictNs), micro(r.LearnNs))
	curve(&b, r.Curve)
	return b.String()
}
