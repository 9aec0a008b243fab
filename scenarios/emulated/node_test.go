package emulated

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"picloud/node"
	"picloud/scenarios/emulated/inside"
	"picloud/scenarios/shelf"
)

const (
	token    = "token-of-a-test"
	settings = "/etc/picloud.yaml"
)

// startNode starts a node on a Pi, which has the role store and the database beside what change makes of its configuration, and waits until
// it serves.
func startNode(t *testing.T, p *Pi, machines map[string]string, change func(*shelf.Machine)) {
	t.Helper()
	var names []string
	for name := range machines {
		names = append(names, name)
	}
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
	if err := p.Start(t.Context(), "node", "-config", settings); err != nil {
		t.Fatal(err)
	}
}

// metrics returns what the node shows of itself.
func metrics(ctx context.Context, p *Pi) (string, error) {
	answer, err := Ask(ctx, "GET", "http://"+p.HTTP+"/metrics", nil, nil)
	return string(answer), err
}

// document reads or writes a document of the database by a Pi's node.
func document(ctx context.Context, p *Pi, method, key, content string) (string, error) {
	header := http.Header{"Authorization": {"Bearer " + token}}
	answer, err := Ask(ctx, method, "http://"+p.HTTP+"/v1/test/"+key, header, []byte(content))
	return strings.TrimSpace(string(answer)), err
}
