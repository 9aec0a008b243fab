package checks

import (
	"strings"
	"testing"
)

func TestLeadersThatAreLostInTheMiddleAreCounted(t *testing.T) {
	for _, test := range []struct {
		name string
		log  []string
		want int
	}{
		{"a change that ends", []string{`pi-1#1 {"msg":"change begins","group":1,"id":1}`, `pi-1#1 {"msg":"change ends","id":1}`, `pi-1#1 {"msg":"leader","group":1,"leads":false}`}, 0},
		{"leadership lost", []string{`pi-1#1 {"msg":"change begins","group":1,"id":1}`, `pi-1#1 {"msg":"leader","group":1,"leads":false}`, `pi-1#1 {"msg":"change ends","id":1}`}, 1},
		{"another group's", []string{`pi-1#1 {"msg":"change begins","group":1,"id":1}`, `pi-1#1 {"msg":"leader","group":2,"leads":false}`}, 0},
		{"the process ended", []string{`pi-1#1 {"msg":"change begins","group":1,"id":1}`, `pi-2#2 {"msg":"hello"}`, `pi-1#2 {"msg":"hello"}`}, 1},
		{"it leads", []string{`pi-1#1 {"msg":"change begins","group":1,"id":1}`, `pi-1#1 {"msg":"leader","group":1,"leads":true}`}, 0},
	} {
		log := ""
		for _, line := range test.log {
			log += "1 " + line + "\n"
		}
		if c := MidChange([]byte(log)); c.Count != test.want || !strings.Contains(c.Detail, "of 1 changes") {
			t.Errorf("%s: %d, %s", test.name, c.Count, c.Detail)
		}
	}
}
