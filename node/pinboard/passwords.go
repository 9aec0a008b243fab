package pinboard

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"picloud/node/api"
	"picloud/node/host"
)

const (
	// passwordRounds is what OWASP's Password Storage Cheat Sheet recommends for PBKDF2 with HMAC-SHA-256.
	passwordRounds = 600_000
	// roundTime is what a round takes a core of a Pi 4, whose CPU has no instructions for SHA-256: cryptsetup's benchmark
	// does 649,675 a second there (blog.stackframe.dev/46).
	roundTime = 1540 * time.Nanosecond
	saltBytes = 16
)

// passwords hashes passwords, as many at a time as the rest of the machine bears.
type passwords struct {
	effort host.Effort
	gate   *gate
}

// keep returns what is kept of a password.
func (p *passwords) keep(ctx context.Context, text string) (*password, error) {
	kept := &password{Salt: make([]byte, saltBytes), Rounds: passwordRounds}
	if _, err := rand.Read(kept.Salt); err != nil {
		return nil, api.Errorf(api.Internal, "make a salt", "", "%s", err)
	}
	var err error
	kept.Hash, err = p.hash(ctx, text, kept)
	return kept, err
}

// fits tells whether a text is the password. It takes as long where there is none.
func (p *passwords) fits(ctx context.Context, text string, kept *password) (bool, error) {
	against := kept
	if kept == nil {
		against = &password{Salt: make([]byte, saltBytes), Hash: make([]byte, sha256.Size), Rounds: passwordRounds}
	}
	got, err := p.hash(ctx, text, against)
	return err == nil && subtle.ConstantTimeCompare(got, against.Hash) == 1 && kept != nil, err
}

func (p *passwords) hash(ctx context.Context, text string, kept *password) (hash []byte, _ error) {
	return hash, p.gate.through(ctx, func() (err error) {
		hash, err = pbkdf2.Key(sha256.New, text, kept.Salt, p.effort.Rounds(kept.Rounds, roundTime), sha256.Size)
		return err
	})
}
