package db

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheReadmeNamesAllCommands(t *testing.T) {
	_, table, _ := strings.Cut(read(t, "README.md"), "<!-- commands -->")
	table, _, _ = strings.Cut(table, "<!-- end of commands -->")
	table = regexp.MustCompile(`\(.*?\)`).ReplaceAllString(table, "")
	var named, known []string
	for _, word := range regexp.MustCompile(`\b[A-Z]+\b`).FindAllString(table, -1) {
		named = append(named, strings.ToLower(word))
	}
	for name := range commands() {
		known = append(known, name)
	}
	slices.Sort(named)
	slices.Sort(known)
	if !slices.Equal(named, known) {
		t.Errorf("named %v\nknown %v", named, known)
	}
}
