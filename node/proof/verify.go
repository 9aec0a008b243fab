package proof

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"time"

	"picloud/node/api"
)

// Derivation is what is kept of a password: PBKDF2 with HMAC-SHA-256 (RFC 8018), of Size bytes.
type Derivation struct {
	Password string `json:"password"`
	Salt     []byte `json:"salt"`
	Rounds   int    `json:"rounds"`
}

// The limits of what another node computes.
const (
	maxPassword = 1024 // bytes
	maxSalt     = 64
	maxRounds   = 10_000_000
)

func (d *Derivation) validate() error {
	if len(d.Password) > maxPassword || len(d.Salt) > maxSalt || d.Rounds < 1 || d.Rounds > maxRounds {
		return api.Errorf(api.BadRequest, "verify", "", "a password has up to %d bytes, a salt %d, and there are 1 to %d rounds", maxPassword, maxSalt, maxRounds)
	}
	return nil
}

const (
	// RoundTime is what a round takes a core of a Pi 4, whose CPU has no instructions for SHA-256: cryptsetup's benchmark
	// does 649,675 a second there (blog.stackframe.dev/46).
	RoundTime = 1540 * time.Nanosecond
	// secondTime is the same by the second implementation, which is half as fast as such hand-written code.
	secondTime = 2 * RoundTime
)

// Derive computes a derivation by the first implementation.
func (d *Derivation) Derive(effort interface{ Rounds(int, time.Duration) int }) ([]byte, error) {
	return d.by(sha256.New, effort.Rounds(d.Rounds, RoundTime))
}

func (d *Derivation) by(of func() hash.Hash, rounds int) ([]byte, error) {
	key, err := pbkdf2.Key(of, d.Password, d.Salt, rounds, Size)
	if err != nil {
		return nil, api.Errorf(api.Internal, "derive a key", "", "%s", err)
	}
	return key, nil
}

// Second computes a derivation by the second implementation, once there is room for it.
func (k *Checker) Second(ctx context.Context, d *Derivation) (key []byte, _ error) {
	return key, k.atOnce(ctx, func() (err error) {
		key, err = d.by(New2, k.effort.Rounds(d.Rounds, secondTime))
		return err
	})
}

// Prove compares a key that this node has derived with what another one derives, of another batch; or if none answers with the
// second implementation's. It returns the key that two of them agree on, and who has confirmed it. Where nobody agrees, it fails with
// Condemned, and nothing may be acknowledged. A key that turns out to be wrong has the cores looked at.
func (k *Checker) Prove(ctx context.Context, d *Derivation, key []byte) (right []byte, by Maker, _ error) {
	other, by, unasked := k.peers.derive(ctx, d)
	if unasked == nil && same(other, key) {
		k.metrics.verified(byNode, agreed)
		return key, by, nil
	}
	second, err := k.Second(ctx, d)
	if err != nil {
		return nil, Maker{}, err
	}
	itself := k.self
	itself.Second = true
	switch {
	case same(second, key):
		if unasked == nil { // the other one is wrong
			k.log.WarnContext(ctx, "a node computes otherwise than both implementations here", "node", by.Node, "batch", by.Batch)
			k.metrics.verified(byNode, disagreed)
		}
		k.metrics.verified(bySecond, agreed)
		return key, itself, nil
	case unasked == nil && same(second, other):
		k.metrics.verified(byNode, corrected)
		k.doubt(doubt{by: byVerification})
		return second, by, nil
	}
	k.metrics.verified(bySecond, disagreed)
	k.doubt(doubt{by: byVerification})
	return nil, Maker{}, api.Errorf(api.Condemned, "derive a key", "", "%s computes it in two ways, and nobody says which is right", k.self.Node)
}

func same(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// secondLook is how far apart refused passwords are looked at again.
const secondLook = 5 * time.Second

// TakesAfterAll tells whether the second implementation takes a password that the first one has refused; if so, the cores are looked
// at. It looks at one refused password in five seconds and no more, whoever asks: so guessing costs this node little, and gains
// nothing, as who is let in has the right password.
func (k *Checker) TakesAfterAll(ctx context.Context, d *Derivation, kept []byte) bool {
	if k == nil {
		return false
	}
	now, last := int64(time.Since(k.began)), k.looked.Load()
	if last != 0 && now-last < int64(secondLook) || !k.looked.CompareAndSwap(last, max(now, 1)) {
		return false
	}
	key, err := k.Second(ctx, d)
	if err != nil || !same(key, kept) {
		return false
	}
	k.log.WarnContext(ctx, "the second implementation takes a password that the first one has refused", "node", k.self.Node)
	k.Doubt()
	return true
}
