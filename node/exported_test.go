package node

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"picloud/node/abuse"
	"picloud/node/alerts/dashboards"
	"picloud/node/api"
	"picloud/node/host/hosttest"
	"picloud/node/pinboard"
	"picloud/node/queue"
)

// export is a metric that a node exports, with the labels that its series have and the values of them that there are.
type export map[string]map[string]bool

// vocabulary is all that expressions may look at, by the names of series.
type vocabulary map[string]export

// unseen returns values that labels of some metrics may have before any series has them.
func unseen() []hint {
	verdicts := regexp.MustCompile(`^picloud_abuse_.*verdicts_total$`)
	return []hint{
		{regexp.MustCompile(`^picloud_(db|store|queue)_requests_total$`), "kind", texts(api.Unavailable, api.NotLeader, api.WrongGroup, api.SessionExpired,
			api.Unknown, api.Replayed, api.Damaged, api.Lost, api.Internal, api.NotFound)},
		{verdicts, "what", texts(abuse.Post, abuse.Login, abuse.Register)},
		{verdicts, "decision", texts(abuse.Allow, abuse.Quarantine, abuse.Refuse)},
		{verdicts, "reason", texts(abuse.ByLimit, abuse.ByReputation, abuse.ByLink, abuse.ByPicture, abuse.ByText, abuse.Undecided)},
	}
}

type hint struct {
	metrics *regexp.Regexp
	label   string
	values  []string
}

func texts[T ~string](values ...T) (all []string) {
	for _, v := range values {
		all = append(all, string(v))
	}
	return all
}

// everything starts a node with all roles and has each do something.
func everything(t *testing.T) *node {
	t.Helper()
	n, url := begun(t, withClerk(t), func(c *Config) {
		c.DB.RESP = hosttest.FreePort(t)
		c.Board, c.Watchdog = equipped(), Duration{15 * time.Second}
		c.Health = &Health{Neighbours: []string{"pi-2"}}
		c.Cache = &Cache{Port: hosttest.FreePort(t)}
		c.Abuse = &Abuse{Port: hosttest.FreePort(t), Tenants: []AbuseTenant{{Name: "clerk"}}}
		c.Proof = &Proof{Port: hosttest.FreePort(t), Batch: "week-11"}
		c.LB = &LB{Port: hosttest.FreePort(t), Routes: []Route{{Service: "clerk"}}}
		c.applications["pinboard"] = pinboard.New
		c.Apps = append(c.Apps, App{Name: "pinboard", Port: hosttest.FreePort(t), Drain: Duration{time.Millisecond}})
	})
	request, err := http.NewRequest(http.MethodPut, url+"/v1/home/greetings/1", strings.NewReader(`{"hello":1}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer a-token-of-a-test")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	for served := false; !served; time.Sleep(20 * time.Millisecond) { // the balancer has to find the application
		answer, err := http.Get("http://127.0.0.1:" + n.config.LB.Port)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		served = answer.StatusCode == http.StatusOK
	}
	c, err := net.Dial("tcp", "127.0.0.1:"+n.config.DB.RESP)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "AUTH a-token-of-a-test\r\nSET greeting hello\r\n")
	for got := ""; strings.Count(got, "\n") < 2; {
		b := make([]byte, 100)
		k, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		got += string(b[:k])
	}
	s, err := n.client()
	if err != nil {
		t.Fatal(err)
	}
	ops, err := (&queue.Job{Queue: "work", Kind: "note", Payload: []byte("hello")}).Put("home:01")
	if err == nil {
		_, err = s.Txn(t.Context(), &api.Txn{Then: ops})
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// vocabulary returns what a node exports now.
func (n *node) vocabulary(t *testing.T) vocabulary {
	t.Helper()
	all := vocabulary{"up": {"instance": {}, "job": {}}, "scrape_duration_seconds": {"instance": {}, "job": {}}, "ALERTS": {"alertname": {}, "alertstate": {"firing": true}, "severity": {}, "class": {}}}
	descriptions := make(chan *prometheus.Desc, 1000)
	n.metrics.Describe(descriptions)
	close(descriptions)
	described := regexp.MustCompile(`fqName: "(\w+)".*constLabels: \{([^}]*)\}, variableLabels: \{([^}]*)\}`)
	for d := range descriptions {
		m := described.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("%s is not understood", d)
		}
		if all[m[1]] == nil {
			all[m[1]] = export{"instance": {}, "job": {}}
		}
		for _, text := range strings.Split(m[2]+","+m[3], ",") {
			if name, value, _ := strings.Cut(text, "="); name != "" {
				all[m[1]].knows(name, strings.Trim(value, `"`))
			}
		}
		for _, u := range unseen() {
			for _, value := range u.values {
				if u.metrics.MatchString(m[1]) {
					all[m[1]].knows(u.label, value)
				}
			}
		}
	}
	families, err := n.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		e := all[f.GetName()]
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				e.knows(l.GetName(), l.GetValue())
			}
		}
		if f.GetType() == dto.MetricType_HISTOGRAM {
			delete(all, f.GetName())
			all[f.GetName()+"_sum"], all[f.GetName()+"_count"], all[f.GetName()+"_bucket"] = e, e, maps.Clone(e)
			all[f.GetName()+"_bucket"].knows("le", "+Inf")
			for _, m := range f.GetMetric() {
				for _, b := range m.GetHistogram().GetBucket() {
					all[f.GetName()+"_bucket"].knows("le", strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64))
				}
			}
		}
	}
	return all
}

func (e export) knows(label, value string) {
	if e[label] == nil {
		e[label] = map[string]bool{}
	}
	if value != "" {
		e[label][value] = true
	}
}

// complaint says what is wrong with what a matcher wants of a label: nobody has the label, or a value that it asks for.
func (e export) complaint(m *labels.Matcher) string {
	values, has := e[m.Name]
	switch {
	case m.Name == model.MetricNameLabel:
		return ""
	case !has:
		return "there is no label " + m.Name
	case len(values) == 0: // the machines' names, and the like
		return ""
	}
	wanted := m.SetMatches()
	if m.Type == labels.MatchEqual || m.Type == labels.MatchNotEqual {
		wanted = []string{m.Value}
	} else if m.Type == labels.MatchNotRegexp {
		wanted = strings.Split(m.Value, "|")
	}
	for _, value := range wanted {
		if !values[value] {
			return fmt.Sprintf("%s is never %q", m.Name, value)
		}
	}
	if len(wanted) == 0 && !slices.ContainsFunc(slices.Collect(maps.Keys(values)), m.Matches) {
		return fmt.Sprintf("%s is never like %q", m.Name, m.Value)
	}
	return ""
}

// complaints says what an expression looks at in vain.
func (v vocabulary) complaints(t *testing.T, expression string, recorded map[string]bool) (all []string) {
	t.Helper()
	parsed, err := newExpressions().ParseExpr(expression)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		s, is := n.(*parser.VectorSelector)
		if !is || recorded[s.Name] {
			return nil
		}
		e, exported := v[s.Name]
		if !exported {
			all = append(all, "nobody exports "+s.Name)
			return nil
		}
		for _, m := range s.LabelMatchers {
			if c := e.complaint(m); c != "" {
				all = append(all, fmt.Sprintf("of %s, %s", s.Name, c))
			}
		}
		return nil
	})
	return all
}

// until asks again and again, for a node that starts does not export all at once, and returns the complaints that are left.
func (n *node) until(t *testing.T, complaints func(vocabulary) []string) []string {
	t.Helper()
	for until := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if left := complaints(n.vocabulary(t)); len(left) == 0 || time.Now().After(until) {
			return left
		}
	}
}

// shown returns the expressions of dashboards, by the dashboards' files.
func shown(t *testing.T) map[string][]string {
	t.Helper()
	files, err := dashboards.Files()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for name, text := range files {
		var b struct {
			Panels []struct{ Targets []struct{ Expr string } }
		}
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			t.Fatal(err)
		}
		for _, p := range b.Panels {
			for _, q := range p.Targets {
				all[name] = append(all[name], q.Expr)
			}
		}
	}
	return all
}

// TestRulesLookAtWhatIsExported: a rule that looks for a metric, a label or a value of it that there is not never fires. The stories
// of the rules must be of such series too, as a rule and its story may be misspelt alike, and dashboards would be empty.
func TestRulesLookAtWhatIsExported(t *testing.T) {
	rules, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	stories := storyFiles(t)
	n := everything(t)
	for _, c := range n.until(t, func(v vocabulary) (all []string) {
		for name, expressions := range rules.Expressions() {
			for _, x := range expressions {
				for _, c := range v.complaints(t, x, rules.Recorded()) {
					all = append(all, name+": "+c)
				}
			}
		}
		for name, expressions := range shown(t) {
			for _, x := range expressions {
				for _, c := range v.complaints(t, x, rules.Recorded()) {
					all = append(all, name+": "+c)
				}
			}
		}
		for _, f := range stories {
			for _, s := range f.Stories {
				for _, series := range s.Series {
					all = append(all, v.unlike(t, f.path+": "+s.Name, series.Series)...)
				}
			}
		}
		slices.Sort(all)
		return slices.Compact(all)
	}) {
		t.Error(c)
	}
}

// unlike says how a series of a story differs from those that are exported. It may have applications and the like of its own.
func (v vocabulary) unlike(t *testing.T, story, series string) (all []string) {
	t.Helper()
	l, err := newExpressions().ParseMetric(series)
	if err != nil {
		t.Fatalf("%s: %v", story, err)
	}
	e, exported := v[l.Get(model.MetricNameLabel)]
	if !exported {
		return []string{fmt.Sprintf("%s: nobody exports %s", story, series)}
	}
	l.Range(func(l labels.Label) {
		if _, has := e[l.Name]; !has && l.Name != model.MetricNameLabel {
			all = append(all, fmt.Sprintf("%s: %s has no label %s", story, series, l.Name))
		}
	})
	for name := range e {
		if name != "job" && name != "reason" && !l.Has(name) { // what is allowed has no reason
			all = append(all, fmt.Sprintf("%s: %s has a label %s", story, series, name))
		}
	}
	for _, name := range []string{"le", "state", "event", "outcome", "kind", "status", "what", "decision", "reason"} {
		if _, has := e[name]; has && l.Get(name) != "" && !(name == "kind" && lambdas(l)) {
			if c := e.complaint(labels.MustNewMatcher(labels.MatchEqual, name, l.Get(name))); c != "" {
				all = append(all, fmt.Sprintf("%s: of %s, %s", story, series, c))
			}
		}
	}
	return all
}

// lambdas tells whether a series is of functions, whose kind is that of an application's jobs.
func lambdas(l labels.Labels) bool {
	return strings.HasPrefix(l.Get(model.MetricNameLabel), "picloud_lambda_")
}

// TestWhatCannotFireIsFound plants what may be wrong with a rule.
func TestWhatCannotFireIsFound(t *testing.T) {
	v := vocabulary{"shed_total": {"instance": {}, "outcome": {"refused": true, "busy": true}}, "up": {"instance": {}}}
	for expression, want := range map[string]string{
		`rate(shed_total{outcome="refused"}[1m]) > 1`:       "",
		`rate(shed_total{outcome=~"refused|busy"}[1m]) > 1`: "",
		`rate(shed_total{outcome=~"ref.+"}[1m]) > 1`:        "",
		`shed_total{instance="pi-7"} and made > 0`:          "",
		`rate(shed_totall[1m]) > 1`:                         "nobody exports shed_totall",
		`rate(shed_total{outcome="refussed"}[1m]) > 1`:      `outcome is never "refussed"`,
		`rate(shed_total{outcome=~"refused|bussy"}[1m])`:    `outcome is never "bussy"`,
		`rate(shed_total{outcome!~"busi"}[1m])`:             `outcome is never "busi"`,
		`rate(shed_total{outcome=~"bussi.*"}[1m])`:          `outcome is never like "bussi.*"`,
		`up == 0 unless shed_total{outcom="refused"}`:       "no label outcom",
	} {
		if got := strings.Join(v.complaints(t, expression, map[string]bool{"made": true}), "; "); got != want && (want == "" || !strings.Contains(got, want)) {
			t.Errorf("%s: %q, want %q", expression, got, want)
		}
	}
}
