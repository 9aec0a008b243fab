package link

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// The limits of DNS (RFC 1035, 2.3.4), without the dot of the root.
const (
	mostHost  = 253
	mostLabel = 63
)

// hostRune tells whether a host can be spelled with a character: letters, digits, what joins them, and percent signs.
func hostRune(r rune) bool {
	if r < utf8.RuneSelf {
		return letter(byte(r)) || digit(byte(r)) || r == '-' || r == '.' || r == '_' || r == '%'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r) || unicode.IsSymbol(r))
}

// hostEnd returns where what looks like a host ends that begins at a place.
func hostEnd(t []byte, at int) int {
	for at < len(t) {
		r, n := utf8.DecodeRune(t[at:])
		if !hostRune(r) {
			break
		}
		at += n
	}
	return at
}

// host returns a host's normal form. It reads names, international ones too, and addresses as browsers do (WHATWG URL, 3.5).
func host(raw []byte) (string, error) {
	if len(raw) > 0 && raw[0] == '[' {
		return address6(string(raw[1 : len(raw)-1]))
	}
	if len(raw) > 12*mostHost { // a rune has at most four bytes, each spelled %XX
		return "", errors.New("the host is too long")
	}
	raw, err := unescape(raw)
	if err != nil {
		return "", err
	}
	name := strings.TrimRight(string(plain(raw).text), ".")
	if name, err = inASCII(name); err != nil {
		return "", err
	}
	if err := checkName(name); err != nil {
		return "", err
	}
	if last := name[strings.LastIndexByte(name, '.')+1:]; number(last) {
		return address4(name)
	}
	return name, nil
}

// unescape resolves %XX.
func unescape(raw []byte) ([]byte, error) {
	if bytes.IndexByte(raw, '%') < 0 {
		return raw, nil
	}
	var out []byte
	for i := 0; i < len(raw); i++ {
		if raw[i] != '%' {
			out = append(out, raw[i])
			continue
		}
		c, ok := escape(raw[i:])
		if !ok {
			return nil, errors.New("the host has a percent sign without two digits")
		}
		out = append(out, c)
		i += 2
	}
	if !utf8.Valid(out) {
		return nil, errors.New("the host's escapes are no UTF-8")
	}
	return out, nil
}

// escape returns the byte that %XX at the beginning of a text stands for.
func escape(t []byte) (byte, bool) {
	if len(t) < 3 || t[0] != '%' {
		return 0, false
	}
	c, err := strconv.ParseUint(string(t[1:3]), 16, 8)
	return byte(c), err == nil
}

// inASCII returns a name in lower case, international labels in punycode (UTS #46, not transitional, as browsers do).
func inASCII(name string) (string, error) {
	if utf8.RuneCountInString(name) > mostHost {
		return "", errors.New("the host is too long")
	}
	ascii := true
	for i := range len(name) {
		ascii = ascii && name[i] < utf8.RuneSelf
	}
	name = strings.ToLower(name)
	if ascii && !strings.Contains(name, "xn--") {
		return name, nil
	}
	profile := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.CheckHyphens(false))
	out, err := profile.ToASCII(name)
	if err != nil {
		return "", fmt.Errorf("the host is no international name: %w", err)
	}
	out = strings.TrimRight(out, ".")
	if again, err := profile.ToASCII(out); err != nil || again != out {
		return "", errors.New("the host is no international name: it has two spellings")
	}
	return out, nil
}

// checkName refuses what DNS has no names for.
func checkName(name string) error {
	if name == "" {
		return errNoHost
	}
	if len(name) > mostHost {
		return errors.New("the host is too long")
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > mostLabel {
			return errors.New("a part of the host is empty or too long")
		}
		for i := range len(label) {
			if c := label[i]; !letter(c) && !digit(c) && c != '-' && c != '_' {
				return fmt.Errorf("the host has the character %q", c)
			}
		}
	}
	return nil
}

// number tells whether the last part of a host makes it an address: digits, or 0x and hexadecimal ones.
func number(part string) bool {
	digits := "0123456789"
	if hex, is := strings.CutPrefix(part, "0x"); is {
		part, digits = hex, "0123456789abcdef"
	}
	return strings.Trim(part, digits) == ""
}

// part4 reads a part of an address in decimals, octal with a leading 0, or hexadecimal with 0x.
func part4(part string) (uint64, error) {
	switch {
	case part == "0x":
		return 0, nil
	case strings.HasPrefix(part, "0x"):
		return strconv.ParseUint(part[2:], 16, 32)
	case len(part) > 1 && part[0] == '0':
		return strconv.ParseUint(part[1:], 8, 32)
	}
	return strconv.ParseUint(part, 10, 32)
}

// address4 reads an address of one to four parts, of which the last fills what the others leave.
func address4(name string) (string, error) {
	parts := strings.Split(name, ".")
	if len(parts) > 4 {
		return "", errors.New("the address has more than four parts")
	}
	var all uint64
	for i, p := range parts {
		n, err := part4(p)
		most := uint64(255)
		if i == len(parts)-1 {
			most = 1<<(8*(5-len(parts))) - 1
		}
		if err != nil || n > most {
			return "", fmt.Errorf("%q is no part of an address", p)
		}
		if i < len(parts)-1 {
			n <<= 8 * (3 - i)
		}
		all |= n
	}
	return netip.AddrFrom4([4]byte{byte(all >> 24), byte(all >> 16), byte(all >> 8), byte(all)}).String(), nil
}

// address6 reads what stands in brackets. An IPv4 address in IPv6 is that address.
func address6(text string) (string, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is6() {
		return "", errors.New("there is no IPv6 address in the brackets")
	}
	if a = a.WithZone("").Unmap(); a.Is4() {
		return a.String(), nil
	}
	return "[" + a.String() + "]", nil
}

// isAddress tells whether a normal host is an address.
func isAddress(host string) bool {
	return host[0] == '[' || number(host[strings.LastIndexByte(host, '.')+1:])
}

// inUse tells whether a normal host is below a suffix that is in use, or an address: such ones are links without a scheme too.
func inUse(host string) bool {
	if isAddress(host) {
		return true
	}
	suffix, official := publicsuffix.PublicSuffix(host)
	return suffix != host && (official || strings.Contains(suffix, "."))
}
