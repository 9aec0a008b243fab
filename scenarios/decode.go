package scenarios

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"picloud/chaos"
)

// placed is an error at a place of a file.
type placed struct {
	line int
	path string // "topology.machines[3].card"
	text string
}

func (p *placed) Error() string {
	if p.path == "" {
		return fmt.Sprintf("%d: %s", p.line, p.text)
	}
	return fmt.Sprintf("%d: %s: %s", p.line, p.path, p.text)
}

// fromYAML is implemented by the types that read their own notation.
type fromYAML interface{ fromYAML(*yaml.Node) error }

// decoder fills structs from a YAML tree. It knows every line, refuses unknown and repeated keys
// and wrong types, and remembers where each key stood.
type decoder struct{ lines map[string]int }

// decodeFile reads the one document of a file into the struct that v points to.
func decodeFile(r io.Reader, v any) (*decoder, error) {
	d := &decoder{lines: map[string]int{"": 1}}
	var doc, more yaml.Node
	y := yaml.NewDecoder(r)
	if err := y.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return d, &placed{1, "", "the file is empty"}
		}
		return d, syntax(err)
	}
	switch err := y.Decode(&more); {
	case err == nil:
		return d, &placed{more.Line, "", "the file has more than one document"}
	case !errors.Is(err, io.EOF):
		return d, syntax(err)
	}
	return d, d.decode(doc.Content[0], reflect.ValueOf(v).Elem(), "")
}

// syntax turns "yaml: line 5: did not find ..." into an error with a place.
func syntax(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, message, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			return &placed{line, "", message}
		}
	}
	return &placed{1, "", text}
}

func (d *decoder) decode(n *yaml.Node, v reflect.Value, path string) error {
	d.lines[path] = n.Line
	wrong := func(want string) error { return &placed{n.Line, path, fmt.Sprintf("want %s", want)} }
	if n.Kind == yaml.AliasNode {
		return wrong("a plain value, not an alias")
	}
	if own, ok := v.Addr().Interface().(yaml.Unmarshaler); ok { // of a node's configuration
		if err := own.UnmarshalYAML(n); err != nil {
			return &placed{n.Line, path, strings.TrimPrefix(err.Error(), fmt.Sprintf("line %d: ", n.Line))}
		}
		return nil
	}
	if own, ok := v.Addr().Interface().(fromYAML); ok {
		err := own.fromYAML(n)
		if at, ok := errors.AsType[*placed](err); ok {
			return &placed{at.line, join(path, at.path), at.text}
		} else if err != nil {
			return &placed{n.Line, path, err.Error()}
		}
		if n.Kind == yaml.MappingNode {
			for i := 0; i < len(n.Content); i += 2 {
				d.lines[join(path, n.Content[i].Value)] = n.Content[i].Line
			}
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return d.decode(n, v.Elem(), path)
	case reflect.Struct:
		return d.decodeStruct(n, v, path)
	case reflect.Map:
		return d.decodeMap(n, v, path)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return wrong("a list")
		}
		for i, item := range n.Content {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
			if err := d.decode(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	}
	return decodeScalar(n, v, wrong)
}

// decodeScalar fills a text, a number or a truth.
func decodeScalar(n *yaml.Node, v reflect.Value, wrong func(want string) error) error {
	switch v.Kind() {
	case reflect.String:
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			return wrong("a text")
		}
		v.SetString(n.Value)
	case reflect.Bool:
		if n.Tag != "!!bool" || n.Value != "true" && n.Value != "false" { // YAML's True is one, too
			return wrong("true or false")
		}
		v.SetBool(n.Value == "true")
	case reflect.Int, reflect.Int64:
		number, err := strconv.ParseInt(n.Value, 10, 64)
		if err != nil || n.Kind != yaml.ScalarNode {
			return wrong(fmt.Sprintf("a whole number, not %q", n.Value))
		}
		v.SetInt(number)
	case reflect.Uint64:
		number, err := strconv.ParseUint(n.Value, 10, 64)
		if err != nil || n.Kind != yaml.ScalarNode {
			return wrong(fmt.Sprintf("a whole number that is not negative, not %q", n.Value))
		}
		v.SetUint(number)
	default:
		panic("scenarios: no notation for " + v.Type().String())
	}
	return nil
}

func (d *decoder) decodeStruct(n *yaml.Node, v reflect.Value, path string) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return &placed{n.Line, path, "want lines like `key: value`"}
	}
	var known []string
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",") // what stands behind it is for writing
		known = append(known, strings.TrimPrefix(name, "-"))
	}
	seen := make([]bool, len(known))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		field := slices.Index(known, key.Value)
		if field < 0 || key.Value == "" { // which is the name of what no file may set
			return &placed{key.Line, path, fmt.Sprintf("unknown key %q%s", key.Value,
				chaos.DidYouMean(key.Value, known))}
		}
		if seen[field] {
			return &placed{key.Line, path, fmt.Sprintf("the key %q stands twice", key.Value)}
		}
		seen[field] = true
		if err := d.decode(n.Content[i+1], v.Field(field), join(path, key.Value)); err != nil {
			return err
		}
		d.lines[join(path, key.Value)] = key.Line
	}
	return nil
}

// decodeMap fills a map from texts to anything.
func (d *decoder) decodeMap(n *yaml.Node, v reflect.Value, path string) error {
	if n.Kind != yaml.MappingNode {
		return &placed{n.Line, path, "want lines like `key: value`"}
	}
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := reflect.ValueOf(n.Content[i].Value)
		if v.MapIndex(key).IsValid() {
			return &placed{n.Content[i].Line, path, fmt.Sprintf("the key %q stands twice", key)}
		}
		value := reflect.New(v.Type().Elem()).Elem()
		if err := d.decode(n.Content[i+1], value, join(path, key.String())); err != nil {
			return err
		}
		v.SetMapIndex(key, value)
	}
	return nil
}

func join(path, key string) string {
	if path == "" || key == "" {
		return path + key
	}
	return path + "." + key
}

// line returns where a path stood, or the nearest path above it that stood anywhere.
func (d *decoder) line(path string) int {
	for {
		if line, ok := d.lines[path]; ok {
			return line
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
}
