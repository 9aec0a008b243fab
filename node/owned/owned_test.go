package owned

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
)

// note is some content.
type note struct {
	Text string `json:"text"`
}

var pi = Owner{Cloud: "home", Node: "pi-1"}

func TestWhatIsWrittenIsReadByItsOwnerOnly(t *testing.T) {
	disk := vfs.NewCrashableMem()
	if err := disk.MkdirAll("a", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := SyncDir(disk, ""); err != nil {
		t.Fatal(err)
	}
	if is, err := Read(disk, "a/note", pi, nil); is || err != nil {
		t.Fatalf("it is there before it is written: %v", err)
	}
	if err := Write(disk, "a/note", pi, note{"hello"}); err != nil {
		t.Fatal(err)
	}
	after := disk.CrashClone(vfs.CrashCloneCfg{}) // a power cut takes nothing of it
	var got note
	if is, err := Read(after, "a/note", pi, &got); !is || err != nil || got.Text != "hello" {
		t.Errorf("read %t, %+v, %v", is, got, err)
	}
	for _, o := range []Owner{{"home", "pi-2"}, {"work", "pi-1"}, {}} {
		if _, err := Read(after, "a/note", o, &got); api.KindOf(err) != api.ForeignFile {
			t.Errorf("%v reads it: %v", o, err)
		}
	}
	if err := after.Rename("a/note", "a/other"); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(after, "a/other", pi, &got); api.KindOf(err) != api.Damaged {
		t.Errorf("it is taken for another file: %v", err)
	}
}

func TestAFileOfNoUseIsRefused(t *testing.T) {
	for text, want := range map[string]api.Kind{
		fmt.Sprintf(`{"format":%d,"anything":[1]}`, Format+1):                  api.FutureFile,
		`{"format":0,"cloud":"home","node":"pi-1"}`:                            api.Damaged,
		`{"cloud":"home","node":"pi-1"}`:                                       api.Damaged,
		`{"format":1,"cloud":"home","node":"pi-1","more":1}`:                   api.Damaged,
		`{"format":1,"cloud":"home","node":"pi-1"} {}`:                         api.Damaged,
		`{"format":1,"cloud":"home","node":"pi-1","content":{"text":7}}`:       api.Damaged,
		`{"format":1,"cloud":"home","node":"pi-1"}`:                            api.Damaged, // there should be content
		`{"format":1,"cloud":"home","node":"pi-3","content":{"text":"hello"}}`: api.ForeignFile,
		`no JSON`: api.Damaged,
		``:        api.Damaged,
	} {
		disk := vfs.NewMem()
		f, err := disk.Create("note", vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(Sealed("note", []byte(text))); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(disk, "note", pi, &note{}); api.KindOf(err) != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// FuzzFile: what is read is written again and read as the same, and only sealed files are read.
func FuzzFile(f *testing.F) {
	good, err := encode("note", pi, note{"hello"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, false)
	f.Add(good[4:], true)
	f.Add([]byte(`{"format":2}`), true)
	f.Fuzz(func(t *testing.T, data []byte, seal bool) {
		if seal {
			data = Sealed("note", data)
		}
		found, err := decode("note", "note", data)
		if err != nil {
			if k := api.KindOf(err); k != api.Damaged && k != api.FutureFile {
				t.Errorf("%q: %v", data, err)
			}
			return
		}
		var content any
		if found.Content != nil {
			content = found.Content
		}
		written, err := encode("note", found.Owner, content)
		if err != nil {
			return // too large
		}
		again, err := decode("note", "note", written)
		if err != nil || again.Owner != found.Owner {
			t.Errorf("%q was read as %+v, which is %q: %v", data, found, written, err)
		}
	})
}
