package db

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"
)

// identity is who sends requests.
type identity struct {
	role       Role
	namespaces []string
}

// credential is a token's hash, so that comparing takes as long for any two tokens.
type credential struct {
	hash [sha256.Size]byte
	identity
}

func credentials(tokens []Token) []credential {
	var all []credential
	for _, t := range tokens {
		all = append(all, credential{sha256.Sum256([]byte(t.Token)), identity{t.Role, t.Namespaces}})
	}
	return all
}

// open tells whether everybody may come in.
func (d *DB) open() bool { return len(d.tokens) == 0 }

// everybody is who sends requests where no token is asked for.
func everybody() *identity { return &identity{Admin, []string{Everywhere}} }

// bearer returns whose token it is, nil if it is nobody's. It compares with all, so that its time says
// nothing.
func (d *DB) bearer(token string) *identity {
	hash := sha256.Sum256([]byte(token))
	var found *identity
	for i := range d.tokens {
		if subtle.ConstantTimeCompare(hash[:], d.tokens[i].hash[:]) == 1 {
			found = &d.tokens[i].identity
		}
	}
	return found
}

// enters tells whether a namespace is open to it.
func (i *identity) enters(namespace string) bool {
	return slices.Contains(i.namespaces, namespace) || slices.Contains(i.namespaces, Everywhere)
}

// writes tells whether it may change something.
func (i *identity) writes() bool { return i.role != Reader }
