package pinboard

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"picloud/node/api"
)

// The limits of what users say. Lengths of texts are in characters, others in bytes.
const (
	maxName     = 30
	minPassword = 8
	maxPassword = 256
	maxMail     = 254
	maxText     = 2000
	maxAlt      = 500
	maxPostID   = 64
)

// validName tells whether a text can be a user's name: it stands in keys, paths and tokens as it is.
func validName(name string) bool {
	ok := len(name) > 0 && len(name) <= maxName && name[0] != '-' && name[0] != '_'
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}
	return ok
}

func badName(name string) error {
	return api.Errorf(api.BadRequest, "use the name", fmt.Sprintf("%.80q", name), "a name is 1 to %d of a-z, 0-9, - and _, and begins with a letter or a digit", maxName)
}

func checkPassword(name, password string) error {
	const doing = "use the password"
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return api.Errorf(api.BadRequest, doing, "", "it is no text")
	case n < minPassword || len(password) > maxPassword:
		return api.Errorf(api.BadRequest, doing, "", "it has at least %d characters and at most %d bytes", minPassword, maxPassword)
	case password == name:
		return api.Errorf(api.BadRequest, doing, "", "it is the name")
	}
	return nil
}

func checkMail(address string) error {
	a, err := mail.ParseAddress(address)
	if err != nil || a.Address != address || len(address) > maxMail || strings.ContainsFunc(address, unicode.IsControl) {
		return api.Errorf(api.BadRequest, "use the mail address", fmt.Sprintf("%.80q", address), "it is NAME@HOST, at most %d bytes", maxMail)
	}
	return nil
}

// cleanText returns a text with its lines ended by \n, and without blanks around it.
func cleanText(what, text string, most int) (string, error) {
	text = strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text))
	bad := func(format string, args ...any) error {
		return api.Errorf(api.BadRequest, "read the field", what, format, args...)
	}
	if !utf8.ValidString(text) {
		return "", bad("it is no UTF-8")
	}
	if n := utf8.RuneCountInString(text); n > most {
		return "", api.Errorf(api.TooLarge, "read the field", what, "it has %d characters, the limit is %d", n, most)
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }); i >= 0 {
		return "", bad("it has a control character, %q", text[i:i+1])
	}
	return text, nil
}

// validPostID tells whether a text can be a post's ID: it stands in keys and paths as it is.
func validPostID(id string) bool {
	ok := len(id) > 0 && len(id) <= maxPostID
	for _, c := range []byte(id) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}
	return ok
}
