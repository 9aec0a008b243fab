package pinboard

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"picloud/node/api"
	"picloud/node/mutant"
)

// cookieName is that of the cookie that holds a browser's token.
const cookieName = "pinboard"

// maxSessions is how many sessions a user has: the oldest ends when there is one more.
const maxSessions = 20

const secretBytes = 32

// visitor is who calls, by a session.
type visitor struct {
	home
	session string // its hash
}

// still says what must hold while somebody writes: the account and the session are there.
func (v *visitor) still() []api.Compare {
	return []api.Compare{v.active(), api.Exists(v.home.session(v.session))}
}

// newToken makes a token: the user's name, so that is known where to look, and a secret, by whose hash it is known.
func (p *Pinboard) newToken(name string) (token, hash string, _ error) {
	secret := make([]byte, secretBytes)
	if _, err := rand.Read(secret); err != nil {
		return "", "", api.Errorf(api.Internal, "make a token", "", "%s", err)
	}
	token = name + "." + base64.RawURLEncoding.EncodeToString(secret)
	_, hash, _ = p.parseToken(token)
	return token, hash, nil
}

// parseToken returns whose a token says it is, and the hash by which it is known.
func (p *Pinboard) parseToken(token string) (name, hash string, ok bool) {
	name, secret, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(secret)
	sum := p.kit.Proof.Both([]byte(secret)) // it takes microseconds, and a wrong one ends a session
	return name, hex.EncodeToString(sum[:]), err == nil && len(raw) == secretBytes && validName(name) && len(secret) == base64.RawURLEncoding.EncodedLen(secretBytes)
}

// token returns what the request has of a token. A header goes before a cookie.
func token(r *http.Request) string {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if strings.EqualFold(scheme, "bearer") {
			return token
		}
		return ""
	}
	if cookie, err := r.Cookie(cookieName); err == nil {
		return cookie.Value
	}
	return ""
}

// visitor returns who calls, nil if the request has no session that is known.
func (p *Pinboard) visitor(ctx context.Context, c *call) (*visitor, error) {
	name, hash, ok := p.parseToken(token(c.r))
	if !ok {
		return nil, nil
	}
	v := &visitor{p.home(name), hash}
	s, err := find[session](ctx, c.reading, v.home.session(hash))
	if err == nil && s == nil { // it may be younger than what the cache has
		s, err = find[session](ctx, newReading(p.fresh), v.home.session(hash))
	}
	if err != nil || s == nil {
		return nil, err
	}
	if mutant.Planted == mutant.MixedSession {
		return p.mixed.entry(v), nil
	}
	return v, nil
}

// setCookie gives a browser a token, or takes it away if it is empty.
func (c *call) setCookie(token string) {
	k := &http.Cookie{Name: cookieName, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(sessionTTL / time.Second)}
	k.Secure = c.r.TLS != nil || c.r.Header.Get("X-Forwarded-Proto") == "https"
	if token == "" {
		k.MaxAge = -1
	}
	http.SetCookie(c.w, k)
}

// surplusSessions returns what makes place for one more session.
func surplusSessions(records []api.Record) ([]api.Op, error) {
	type begun struct {
		key string
		at  int64
	}
	var all []begun
	for i := range records {
		s, err := decode[session](&records[i])
		if err != nil {
			return nil, err
		}
		all = append(all, begun{records[i].Key, s.Created})
	}
	slices.SortFunc(all, func(a, b begun) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.key, b.key)) })
	var ops []api.Op
	for i := 0; i <= len(all)-maxSessions && len(ops) < 2*maxSessions; i++ {
		ops = append(ops, remove(all[i].key))
	}
	return ops, nil
}
