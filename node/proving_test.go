package node

import (
	"net"
	"strings"
	"testing"
	"time"

	"picloud/node/host/hosttest"
	"picloud/node/metricstest"
	"picloud/node/wait"
)

const proofFile = `nodes: [pi-1]
store: {join: true}
proof:
  batch: week-11
`

func TestProofIsConfigured(t *testing.T) {
	c := &Config{}
	if err := Parse("node.yaml", []byte(proofFile), c); err != nil {
		t.Fatal(err)
	}
	if got := c.Proof.config(); got.Port != "9300" || got.Batch != "week-11" || !got.Verify {
		t.Errorf("%+v", got)
	}
	for change, want := range map[string]string{
		"batch: week-11\n  verify: off":   "",
		"batch: week-11\n  verify: maybe": "proof.verify",
		"verify: on":                      "a batch is",
		"batch: a\n  every: 1ms":          "exams are",
		"batch: a\n  port: '8080'":        "is used twice",
		"batch: a\n  often: yes":          `node.yaml:5: unknown key "often"`,
	} {
		err := Parse("node.yaml", []byte(strings.Replace(proofFile, "batch: week-11", change, 1)), new(Config))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, where %q is expected", change, err, want)
		}
	}
}

// TestANodeExaminesItsProcessor on the machine that runs this test.
func TestANodeExaminesItsProcessor(t *testing.T) {
	port := hosttest.FreePort(t)
	n, _ := begun(t, func(c *Config) { c.Proof = &Proof{Port: port, Batch: "week-11", Verify: "on"} })
	for metricstest.Sum(t, n.metrics, "picloud_proof_exams_total") == 0 {
		if !wait.For(t.Context(), 10*time.Millisecond) {
			t.Fatal("no core is examined")
		}
	}
	c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if n.proof.Condemned() {
		t.Error("the processor of this machine is condemned")
	}
}
