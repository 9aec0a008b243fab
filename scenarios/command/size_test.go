package command

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestWhatIsTooLargeIsSaid(t *testing.T) {
	if !within("just", 64, 64) || within("over", 65, 64) {
		t.Error("the limit is elsewhere")
	}
}

func TestAProcessHasMemory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	if err := os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if n, err := resident(file); err != nil || n < 1<<20 || n > 1<<34 {
		t.Errorf("%d bytes: %v", n, err)
	}
}
