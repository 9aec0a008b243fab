package scenarios

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"picloud/chaos"
)

//go:embed *.yaml
var files embed.FS

// Names returns the names of the scenarios that come with the program, in order.
func Names() []string {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		panic(err) // the files are part of the program
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Load returns a scenario that comes with the program, or one from a file if the name ends in
// .yaml.
func Load(name string) (*Scenario, error) {
	if strings.HasSuffix(name, ".yaml") {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		return Parse(name, text)
	}
	text, err := files.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("there is no scenario %q%s", name, chaos.DidYouMean(name, Names()))
	}
	return Parse(name+".yaml", text)
}

// Parse reads a scenario file. Messages start with its name and the line.
func Parse(file string, text []byte) (*Scenario, error) {
	s := &Scenario{text: text}
	d, err := decodeFile(bytes.NewReader(text), s)
	if err == nil {
		err = s.Validate()
	}
	if err == nil {
		return s, nil
	}
	if p, ok := errors.AsType[*problem](err); ok {
		line := d.line(p.path)
		if p.line > 0 {
			line = p.line
		}
		return nil, fmt.Errorf("%s:%d: %w", file, line, err)
	}
	return nil, fmt.Errorf("%s:%w", file, err)
}
