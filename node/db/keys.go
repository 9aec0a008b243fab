package db

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"picloud/node/api"
)

// The keys of the store, NS being a namespace, P a key's partition:
//
//	NS:P, NS:P/rest      a document; it is UTF-8 without control characters
//	NS:P/\xffidem/KEY    the record of an idempotency key, behind all documents of its partition, because
//	                     no UTF-8 text has the byte 0xff
//	@NS:P, @NS:P/key     a RESP key, escaped, without a hash tag and with one; no namespace has an @
const (
	behindDocuments = "/\xff"
	idempotencyRows = behindDocuments + "idem/"
)

// The limits of documents' keys, which leave room for the store's own parts.
const (
	maxNamespace   = 63
	maxDocumentKey = 900
	maxComponent   = 256 // the first one
)

func validNamespace(ns string) error {
	ok := len(ns) > 0 && len(ns) <= maxNamespace
	for _, c := range []byte(ns) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	if !ok {
		return api.Errorf(api.BadRequest, "use the namespace", fmt.Sprintf("%.80q", ns), "it is 1 to %d of a-z, 0-9 and -", maxNamespace)
	}
	return nil
}

// documentKey returns the store's key of a document.
func documentKey(ns, key string) (string, error) {
	if err := validDocumentKey(key, false); err != nil {
		return "", api.Errorf(api.BadRequest, "use the key", fmt.Sprintf("%.80q", key), "%s", err)
	}
	return ns + ":" + key, nil
}

// validDocumentKey says which rule a key breaks, or a prefix of keys, which may end with a slash.
func validDocumentKey(key string, prefix bool) error {
	if prefix {
		key = strings.TrimSuffix(key, "/")
	}
	parts := strings.Split(key, "/")
	switch {
	case len(key) > maxDocumentKey:
		return fmt.Errorf("it has %d bytes, the limit is %d", len(key), maxDocumentKey)
	case len(parts[0]) > maxComponent:
		return fmt.Errorf("its first component has %d bytes, the limit is %d", len(parts[0]), maxComponent)
	case !utf8.ValidString(key) || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fmt.Errorf("it is UTF-8 without control characters")
	}
	for _, p := range parts {
		if p == "" || p == "." || p == ".." {
			return fmt.Errorf("no component of it is empty, . or .. (paths with such do not reach servers as they are)")
		}
	}
	return nil
}

// span is a range of documents.
type span struct {
	Prefix string // all keys that begin with it; it names one partition at least
	From   string // or from this one on
	After  string // and behind this one
	End    string // and up to this one
}

// bounds returns the range in the store's keys. It is empty if end is not behind from.
func (s *span) bounds(ns string) (from, end string, err error) {
	if (s.Prefix == "") == (s.From == "") {
		return "", "", api.Errorf(api.BadRequest, "read a range", "", "it has a prefix or a beginning (from), and not both")
	}
	start := s.Prefix + s.From
	for _, k := range []string{start, s.After, s.End} {
		if k == "" {
			continue
		}
		if err := validDocumentKey(k, true); err != nil {
			return "", "", api.Errorf(api.BadRequest, "read a range", fmt.Sprintf("at %.80q", k), "%s", err)
		}
		if api.Partition(k) != api.Partition(start) {
			return "", "", api.Errorf(api.CrossPartition, "read a range", fmt.Sprintf("at %.80q", k), "the range is in the partition %q", api.Partition(start))
		}
	}
	from, end = ns+":"+start, ns+":"+api.Partition(start)+behindDocuments
	if s.Prefix != "" {
		if e := api.PrefixEnd(from); e != "" {
			end = min(end, e)
		}
	}
	if s.After != "" {
		from = max(from, ns+":"+s.After+"\x01") // nothing stands between, for lack of control characters
	}
	if s.End != "" {
		end = min(end, ns+":"+s.End)
	}
	return from, end, nil
}

// respKey returns the store's key of a RESP key. Its partition is the hash tag, as in Redis Cluster, or
// the whole key.
func respKey(ns string, key []byte) string {
	tag, tagged := hashTag(string(key))
	if !tagged {
		return "@" + ns + ":" + escape(string(key))
	}
	return "@" + ns + ":" + escape(tag) + "/" + escape(string(key))
}

// hashTag returns what stands between the first { and the first } behind it, if that is anything.
func hashTag(key string) (string, bool) {
	_, rest, opened := strings.Cut(key, "{")
	tag, _, closed := strings.Cut(rest, "}")
	return tag, opened && closed && tag != ""
}

// escape writes what the store's keys cannot have in percents.
func escape(s string) string {
	if !strings.ContainsAny(s, "%/\x00") {
		return s
	}
	return strings.NewReplacer("%", "%25", "/", "%2F", "\x00", "%00").Replace(s)
}
