// Package dashboards has what a Grafana shows of a cloud that a Prometheus scrapes: an overview, and a page for each tier.
//
// Invariants: the JSON files beside this one are what Files makes of the tables in boards.go; a test makes them anew. Each asks
// the Prometheus that the reader chooses (the variable datasource).
package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// schemaVersion is that of Grafana 11; later ones read it.
const schemaVersion = 39

// board is a dashboard.
type board struct {
	name   string // of the file, and part of the uid
	title  string
	panels []panel
}

// panel is a graph of some expressions. A legend names the labels that tell the series apart.
type panel struct {
	title, unit string // the unit is Grafana's: reqps, s, percentunit, bytes, short
	queries     []query
}

type query struct{ expr, legend string }

// The width and height of a panel on Grafana's grid, which is 24 wide.
const width, height = 12, 8

// source is the Prometheus that the reader has chosen.
func source() map[string]any { return map[string]any{"type": "prometheus", "uid": "${datasource}"} }

// Files returns the dashboards' files by their names, as JSON.
func Files() (map[string]string, error) {
	files := map[string]string{}
	for _, b := range boards() {
		text, err := b.encode()
		if err != nil {
			return nil, fmt.Errorf("dashboards: %s: %w", b.name, err)
		}
		files[b.name+".json"] = text
	}
	return files, nil
}

// encode returns a dashboard as JSON, with a line for each panel.
func (b *board) encode() (string, error) {
	var panels []json.RawMessage
	for i, p := range b.panels {
		text, err := p.encode(i)
		if err != nil {
			return "", err
		}
		panels = append(panels, text)
	}
	head, err := asJSON(map[string]any{
		"uid": "picloud-" + b.name, "title": "Pi Cloud: " + b.title, "tags": []string{"picloud"}, "schemaVersion": schemaVersion, "version": 1,
		"editable": true, "refresh": "10s", "time": map[string]string{"from": "now-30m", "to": "now"}, "timezone": "browser",
		"links": []any{map[string]any{"type": "dashboards", "title": "Pi Cloud", "tags": []string{"picloud"}, "asDropdown": true, "keepTime": true}},
		"templating": map[string]any{"list": []any{map[string]any{
			"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "refresh": 1}}},
	})
	if err != nil {
		return "", err
	}
	text := bytes.NewBuffer(bytes.TrimSuffix(head, []byte("}")))
	text.WriteString(",\n\"panels\":[\n")
	text.Write(bytes.Join(raw(panels), []byte(",\n")))
	text.WriteString("\n]}\n")
	return text.String(), nil
}

func raw(all []json.RawMessage) (texts [][]byte) {
	for _, text := range all {
		texts = append(texts, text)
	}
	return texts
}

func (p *panel) encode(at int) ([]byte, error) {
	var queries []any
	for i, q := range p.queries {
		queries = append(queries, map[string]any{"refId": string(rune('A' + i)), "datasource": source(), "expr": q.expr, "legendFormat": q.legend})
	}
	return asJSON(map[string]any{
		"id": at + 1, "type": "timeseries", "title": p.title, "datasource": source(), "targets": queries,
		"gridPos":     map[string]int{"x": at % 2 * width, "y": at / 2 * height, "w": width, "h": height},
		"fieldConfig": map[string]any{"defaults": map[string]any{"unit": p.unit, "min": 0}, "overrides": []any{}},
	})
}

func asJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
