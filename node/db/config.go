package db

import (
	"fmt"
	"strings"
	"time"

	"picloud/node/api"
)

// Role says what the bearer of a token may do.
type Role string

// The roles. An admin may do here what a writer may.
const (
	Reader Role = "reader"
	Writer Role = "writer"
	Admin  Role = "admin"
)

// Everywhere stands for all namespaces.
const Everywhere = "*"

// Token lets its bearer in.
type Token struct {
	Token      string
	Role       Role
	Namespaces []string // or Everywhere
}

// Config says who may do what, and how much. The zero value of a limit is its default.
type Config struct {
	// Tokens of those who may come in. Without any, everybody may do everything.
	Tokens []Token
	// MaxBody bounds the bytes of an HTTP body and of a RESP command; by default what fits into a
	// transaction, and some more for its encoding.
	MaxBody int64
	// MaxWait bounds how long a change feed waits for an event; 30 s by default.
	MaxWait time.Duration
	// Timeout bounds how long any other request takes; 10 s by default.
	Timeout time.Duration
	// RESPNamespace is the namespace that RESP connections use; "redis" by default. It holds no
	// documents, and a document's namespace of the same name holds no RESP keys.
	RESPNamespace string
}

const (
	defaultMaxBody = api.MaxTxnBytes + 64<<10
	mostBody       = 64 << 20
)

func (c Config) withDefaults() Config {
	if c.MaxBody == 0 {
		c.MaxBody = defaultMaxBody
	}
	if c.MaxWait == 0 {
		c.MaxWait = 30 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.RESPNamespace == "" {
		c.RESPNamespace = "redis"
	}
	return c
}

// Validate says what is wrong with the configuration. It repeats no token.
func (c *Config) Validate() error {
	seen := map[string]bool{}
	for i, t := range c.Tokens {
		if err := t.validate(); err != nil {
			return fmt.Errorf("db: token %d: %w", i, err)
		}
		if seen[t.Token] {
			return fmt.Errorf("db: token %d stands there twice", i)
		}
		seen[t.Token] = true
	}
	switch {
	case c.MaxBody < 0 || c.MaxBody > mostBody:
		return fmt.Errorf("db: the largest body is 1 to %d bytes, not %d", mostBody, c.MaxBody)
	case c.MaxWait < 0 || c.Timeout < 0:
		return fmt.Errorf("db: a wait of %s or a timeout of %s is negative", c.MaxWait, c.Timeout)
	case c.RESPNamespace != "":
		return validNamespace(c.RESPNamespace)
	}
	return nil
}

func (t *Token) validate() error {
	if len(t.Token) < 8 || strings.ContainsFunc(t.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("a token is 8 or more printable characters without spaces")
	}
	if t.Role != Reader && t.Role != Writer && t.Role != Admin {
		return fmt.Errorf("a role is reader, writer or admin, not %.20q", t.Role)
	}
	if len(t.Namespaces) == 0 {
		return fmt.Errorf("it has no namespaces; %q stands for all", Everywhere)
	}
	for _, n := range t.Namespaces {
		if n == Everywhere {
			continue
		}
		if err := validNamespace(n); err != nil {
			return err
		}
	}
	return nil
}
