package link

import "strings"

// punctuation may follow a link in a text, so it does not count at the end of one.
const punctuation = `/?.,;:!'*)]}`

// path returns the normal form of a path with its query: without fragment, without . and .. and empty parts, escaped only
// where it must be, and with / for \, as browsers have it.
func path(raw []byte) string {
	p := string(raw)
	if i := strings.IndexByte(p, '#'); i >= 0 {
		p = p[:i]
	}
	p, query, _ := strings.Cut(p, "?")
	var parts []string
	for part := range strings.SplitSeq(strings.ReplaceAll(p, `\`, "/"), "/") {
		switch part = escaped(part); part {
		case "", ".":
		case "..":
			parts = parts[:max(len(parts)-1, 0)]
		default:
			parts = append(parts, part)
		}
	}
	return strings.TrimRight("/"+strings.Join(parts, "/")+"?"+escaped(query), punctuation)
}

// escaped returns a text in which %XX stands for bytes that need it, and no others.
func escaped(text string) string {
	const hex = "0123456789ABCDEF"
	needs := false
	for i := range len(text) {
		needs = needs || !asItIs(text[i])
	}
	if !needs {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		if e, ok := escape([]byte(text[i:min(i+3, len(text))])); ok {
			i += 2
			if c = e; letter(c) || digit(c) || c == '-' || c == '.' || c == '_' || c == '~' {
				out.WriteByte(c)
				continue
			}
		} else if asItIs(c) {
			out.WriteByte(c)
			continue
		}
		out.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return out.String()
}

// asItIs tells whether a byte of a path is never escaped.
func asItIs(c byte) bool {
	return c > ' ' && c < 0x7f && !strings.ContainsRune("\"<>`{}|^\\%", rune(c))
}
