package pinboard

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"

	"picloud/node/api"
	"picloud/node/mutant"
	"picloud/node/proof"
)

const (
	// passwordRounds is what OWASP's Password Storage Cheat Sheet recommends for PBKDF2 with HMAC-SHA-256.
	passwordRounds = 600_000
	saltBytes      = 16
)

// passwords hashes passwords, as many at a time as the rest of the machine bears.
type passwords struct {
	derive func(*proof.Derivation) ([]byte, error) // by the machine's processor
	proof  *proof.Checker                          // of the processor; nil where it is believed
	gate   *gate
}

// keep returns what is kept of a password. Where processors are tested it says by whom it was computed, and has another one compute
// it as well: a wrong hash would lock the user out for ever.
func (p *passwords) keep(ctx context.Context, text string) (*password, error) {
	if err := p.proof.Refusal("keep the password"); err != nil {
		return nil, err
	}
	kept := &password{Salt: make([]byte, saltBytes), Rounds: passwordRounds}
	if _, err := rand.Read(kept.Salt); err != nil {
		return nil, api.Errorf(api.Internal, "make a salt", "", "%s", err)
	}
	var err error
	if kept.Hash, err = p.hash(ctx, text, kept); err != nil || p.proof == nil {
		return kept, err
	}
	self := p.proof.Self()
	kept.By, kept.At = &self, now()
	if !p.proof.Verifies() || mutant.Planted == mutant.UnverifiedHash {
		return kept, nil
	}
	var by proof.Maker
	if kept.Hash, by, err = p.proof.Prove(ctx, kept.derivation(text), kept.Hash); err != nil {
		return nil, err
	}
	kept.Proven = &by
	return kept, nil
}

// fits tells whether a text is the password. It takes as long where there is none.
func (p *passwords) fits(ctx context.Context, text string, kept *password) (bool, error) {
	against := kept
	if kept == nil {
		against = &password{Salt: make([]byte, saltBytes), Hash: make([]byte, sha256.Size), Rounds: passwordRounds}
	}
	got, err := p.hash(ctx, text, against)
	if err != nil {
		return false, err
	}
	fits := subtle.ConstantTimeCompare(got, against.Hash) == 1
	if !fits { // whether the user is there must not show in how long it takes
		fits = p.proof.TakesAfterAll(ctx, against.derivation(text), against.Hash)
	}
	return fits && kept != nil, nil
}

func (p *passwords) hash(ctx context.Context, text string, kept *password) (hash []byte, _ error) {
	d := kept.derivation(text)
	return hash, p.gate.through(ctx, func() (err error) {
		if p.proof.Condemned() {
			hash, err = p.proof.Second(ctx, d)
		} else {
			hash, err = p.derive(d)
		}
		return err
	})
}

func (k *password) derivation(text string) *proof.Derivation {
	return &proof.Derivation{Password: text, Salt: k.Salt, Rounds: k.Rounds}
}

// doubtful tells whether only a node of that name has computed the hash.
func (k *password) doubtful(node string) bool {
	return k.By != nil && k.By.Node == node && k.Proven == nil
}

// confirmedBy returns the same password as confirmed by who has just found it to fit, nil if that says nothing: processors of one batch
// may be wrong alike, and most are confirmed already.
func (k *password) confirmedBy(c *proof.Checker) *password {
	if c == nil || c.Condemned() || k.By == nil || k.Proven != nil || k.By.Batch == c.Self().Batch {
		return nil
	}
	confirmed, self := *k, c.Self()
	confirmed.Proven = &self
	return &confirmed
}
