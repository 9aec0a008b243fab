package reports

import (
	"os"
	"path/filepath"
	"testing"
)

// TestASecretIsItsOwnersAlone, and takes the place of an earlier one as a whole.
func TestASecretIsItsOwnersAlone(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "secret")
	for _, text := range []string{"a long secret", "short"} {
		if err := WriteSecret(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Errorf("it is %q, not %q: %v", got, text, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("others may read it, %v", err)
		}
	}
	for _, path := range []string{filepath.Join(folder, "missing", "secret"), folder} {
		if err := WriteSecret(path, nil); err == nil {
			t.Errorf("%s was written", path)
		}
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 1 {
		t.Errorf("there are %v, %v", files, err)
	}
}
