package dashboards

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write the files anew")

// TestFilesAreAsTheTablesSay compares the files with what is made of the tables.
func TestFilesAreAsTheTablesSay(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	there, err := filepath.Glob("*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if *update {
			if err := os.WriteFile(name, []byte(files[name]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if text, err := os.ReadFile(name); err != nil || string(text) != files[name] {
			t.Errorf("%s is not as the table says (%v); go test ./node/alerts/dashboards -update writes it", name, err)
		}
	}
	for _, name := range there {
		if _, is := files[name]; !is {
			t.Errorf("%s is of no table", name)
		}
	}
}

// TestGrafanaTellsThemApart: no two have the same uid, no two panels of one the same id or place, and all ask the reader's Prometheus.
func TestGrafanaTellsThemApart(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	uids := map[string]bool{}
	for name, text := range files {
		var b struct {
			UID        string
			Templating struct {
				List []struct{ Name, Type, Query string }
			}
			Panels []struct {
				ID         int
				Title      string
				GridPos    struct{ X, Y, W, H int }
				Datasource struct{ UID string }
				Targets    []struct {
					Expr       string
					Datasource struct{ UID string }
				}
			}
		}
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if b.UID == "" || uids[b.UID] || len(b.Panels) == 0 {
			t.Errorf("%s has the uid %q and %d panels", name, b.UID, len(b.Panels))
		}
		uids[b.UID] = true
		if l := b.Templating.List; len(l) != 1 || l[0].Name != "datasource" || l[0].Type != "datasource" || l[0].Query != "prometheus" {
			t.Errorf("%s: its variables are %+v", name, l)
		}
		ids, places := map[int]bool{}, map[[2]int]bool{}
		for _, p := range b.Panels {
			place := [2]int{p.GridPos.X, p.GridPos.Y}
			if ids[p.ID] || places[place] || p.Title == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" || p.GridPos.X+p.GridPos.W > 24 {
				t.Errorf("%s: panel %+v", name, p)
			}
			ids[p.ID], places[place] = true, true
			for _, q := range p.Targets {
				if q.Expr == "" || q.Datasource.UID != "${datasource}" {
					t.Errorf("%s: %s asks %+v", name, p.Title, q)
				}
			}
		}
	}
}
