package queue

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestScripts plays testdata/*.txt: what is asked, and what must be answered.
//
//	> METHOD PATH [BODY]    a request; ${NAME} stands for what was captured
//	< STATUS [ANSWER]       its answer; "$NAME" in place of a value captures it, "*" fits any, fields that are not named are not looked at
//	pass 5s                 time goes by, on all clocks
//	# a remark
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) { play(t, string(text)) })
		})
	}
}

func play(t *testing.T, script string) {
	s := newLab(t).serve(labConfig())
	names := map[string]any{}
	var status int
	var answer, asked string
	for i, line := range strings.Split(script, "\n") {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || word == "#":
		case word == "pass":
			d, err := time.ParseDuration(rest)
			if err != nil {
				t.Fatal(err)
			}
			s.pass(d)
		case word == ">":
			asked = expand(rest, names)
			method, rest, _ := strings.Cut(asked, " ")
			path, body, _ := strings.Cut(rest, " ")
			status, answer = s.ask(method, path, body)
			synctest.Wait()
		case word == "<":
			want, pattern, _ := strings.Cut(rest, " ")
			if fmt.Sprint(status) != want {
				t.Fatalf("line %d: %s: status %d, %s", i+1, asked, status, answer)
			}
			if pattern == "" {
				continue
			}
			var wanted, got any
			if err := json.Unmarshal([]byte(expand(pattern, names)), &wanted); err != nil {
				t.Fatalf("line %d: %s", i+1, err)
			}
			if err := json.Unmarshal([]byte(answer), &got); err != nil {
				t.Fatalf("line %d: %s: %s", i+1, answer, err)
			}
			if !fits(wanted, got, names) {
				t.Fatalf("line %d: %s\nis answered with %s\nand not with    %s", i+1, asked, answer, pattern)
			}
		default:
			t.Fatalf("line %d: %s", i+1, line)
		}
	}
}

var captured = regexp.MustCompile(`\$\{(\w+)\}`)

func expand(text string, names map[string]any) string {
	return captured.ReplaceAllStringFunc(text, func(name string) string {
		value := names[name[2:len(name)-1]]
		if n, is := value.(float64); is {
			return fmt.Sprintf("%.0f", n)
		}
		return fmt.Sprint(value)
	})
}

// fits tells whether an answer is as a pattern says.
func fits(pattern, got any, names map[string]any) bool {
	switch p := pattern.(type) {
	case string:
		if name, is := strings.CutPrefix(p, "$"); is {
			names[name] = got
			return got != nil
		}
		if part, is := strings.CutPrefix(p, "~"); is {
			text, ok := got.(string)
			return ok && strings.Contains(text, part)
		}
		return p == "*" && got != nil || p == got
	case map[string]any:
		g, ok := got.(map[string]any)
		for name, value := range p {
			ok = ok && fits(value, g[name], names)
		}
		return ok
	case []any:
		g, ok := got.([]any)
		ok = ok && len(g) == len(p)
		for i := range p {
			ok = ok && fits(p[i], g[i], names)
		}
		return ok
	}
	return slices.Equal([]any{pattern}, []any{got})
}
