package node

import (
	"cmp"
	"context"
	"fmt"

	"picloud/node/proof"
)

// Proof is the role that tests the node's processor, and verifies for others what lasts.
type Proof struct {
	Port   string   `yaml:"port"`             // for HTTP; 9300 if it is left out
	Batch  string   `yaml:"batch"`            // of the processor: those that were made together, which may have the same fault
	Every  Duration `yaml:"every,omitempty"`  // between two exams of all cores; 10s if it is left out
	Sample int      `yaml:"sample,omitempty"` // of so many hashes one is computed twice; 64 if it is left out
	Verify string   `yaml:"verify,omitempty"` // on or off: whether what lasts is computed by another node too; on if it is left out
}

func (c *Proof) config() proof.Config {
	return proof.Config{Port: c.Port, Batch: c.Batch, Every: c.Every.Duration, Sample: c.Sample, Verify: c.Verify == "on"}
}

// validate puts defaults where nothing stands, and says what is wrong.
func (c *Proof) validate() error {
	c.Port, c.Verify = cmp.Or(c.Port, "9300"), cmp.Or(c.Verify, "on")
	if c.Verify != "on" && c.Verify != "off" {
		return fmt.Errorf("node: proof.verify: it is on or off, not %.80q", c.Verify)
	}
	config := c.config()
	return config.Validate()
}

// beginProof starts testing the processor.
func (n *node) beginProof(run func(string, func(context.Context) error)) error {
	s, err := n.client()
	if err != nil {
		return err
	}
	if n.proof, err = proof.New(n.config.Proof.config(), n.host, s, n.metrics); err != nil {
		return err
	}
	l, err := n.listen(n.config.Proof.Port)
	if err != nil {
		return err
	}
	run("proof", func(ctx context.Context) error { return n.proof.Run(ctx, l) })
	return nil
}
