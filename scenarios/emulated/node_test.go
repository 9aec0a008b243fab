package emulated

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"picloud/node"
	"picloud/scenarios/emulated/inside"
	"picloud/scenarios/shelf"
)

const (
	token    = "token-of-a-test"
	settings = "/etc/picloud.yaml"
)

// startNode starts a node on a Pi, which has the roles store and database and what change makes of its configuration.
func startNode(t *testing.T, p *Pi, machines map[string]string, change func(*shelf.Machine)) {
	t.Helper()
	names := slices.Sorted(maps.Keys(machines))
	m := shelf.Machine{Name: p.Name, Machines: machines, Data: inside.Data + "/picloud", Node: node.Config{
		Nodes: names,
		Store: &node.Store{Groups: [][]string{names}},
		DB:    &node.DB{Tokens: []node.Token{{Token: token, Role: "admin", Namespaces: []string{"*"}}}},
	}}
	if change != nil {
		change(&m)
	}
	text, err := yaml.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.WriteFile(t.Context(), settings, text); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context(), "/"+inside.Program, "node", "-config", settings); err != nil {
		t.Fatal(err)
	}
}

// metric returns what the node shows of itself under a name: the sum over the series that have all of some values in their labels.
func metric(ctx context.Context, p *Pi, name string, labels ...string) (sum float64, err error) {
	text, err := Ask(ctx, "GET", "http://"+p.HTTP+"/metrics", nil, nil)
	if err != nil {
		return 0, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return 0, err
	}
	family, is := families[name]
	if !is {
		return 0, fmt.Errorf("%s shows no metric %s", p.Name, name)
	}
	samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{}, family)
	found := 0
	for _, s := range samples {
		values := slices.Collect(maps.Values(s.Metric))
		if !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(values, model.LabelValue(l)) }) {
			sum += float64(s.Value)
			found++
		}
	}
	if found == 0 {
		return 0, fmt.Errorf("%s shows no metric %s with %v", p.Name, name, labels)
	}
	return sum, err
}

// document reads or writes a document of the database by a Pi's node.
func document(ctx context.Context, p *Pi, method, key, content string) (string, error) {
	header := http.Header{"Authorization": {"Bearer " + token}}
	answer, err := Ask(ctx, method, "http://"+p.HTTP+"/v1/test/"+key, header, []byte(content))
	return strings.TrimSpace(string(answer)), err
}

// documents returns the contents of all documents below a prefix, by a Pi's node.
func documents(ctx context.Context, p *Pi, prefix string) (map[string]string, error) {
	header, found := http.Header{"Authorization": {"Bearer " + token}}, map[string]string{}
	query := url.Values{"prefix": {prefix}}
	for {
		answer, err := Ask(ctx, "GET", "http://"+p.HTTP+"/v1/test?"+query.Encode(), header, nil)
		if err != nil {
			return nil, err
		}
		var page struct {
			Documents []struct {
				Key   string
				Value json.RawMessage
			}
			More bool
			Next string
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			return nil, err
		}
		for _, d := range page.Documents {
			found[d.Key] = string(d.Value)
		}
		if !page.More {
			return found, nil
		}
		query.Set("after", page.Next)
	}
}
