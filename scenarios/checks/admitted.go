package checks

import (
	"fmt"
	"net/http"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// Admitted judges whether those who have registered can log in at the end, from `final` on, with the password that they have chosen, or have
// been asked by mail to choose another one, and then could: no account is lost without a word. It counts them. At most so many may
// be asked; a negative number is for any.
func Admitted(h history.History, final time.Duration, minimum, mostAsked int) reports.Check {
	c := reports.Check{Name: "admitted", Status: reports.Pass}
	b := boardOf(h)
	entries := map[string]*entries{}
	for i := range h {
		o := &h[i]
		if o.Kind == history.Use {
			entriesOf(entries, o.Key).note(o, final)
		}
	}
	asked, anew, unseen, lost := 0, 0, "", 0
	var harm wronged
	for _, name := range b.names {
		a := b.account[name]
		if a.register == nil || a.register.Outcome != history.OK || a.register.Return > final || a.register.Use.Sort != "" || a.leave != nil {
			continue
		}
		e := entriesOf(entries, name)
		switch {
		case e.back == nil:
			unseen = name + " did not try to log in at the end"
			continue
		case e.back.Use.Status == http.StatusOK:
		case e.back.Use.Status == http.StatusForbidden && e.asked:
			asked++
			switch {
			case e.reset:
				anew++
			case e.refused == nil:
				unseen = name + " was asked to choose another password, and got no answer to that"
			default:
				lost++
				harm.at(a.register.Client, e.refused.Return) // somebody else may try, at the end
				if c.Status == reports.Pass {
					c.Status, c.Detail = reports.Fail, fmt.Sprintf("%s was asked to choose another password, and could not: %s", name, e.refused)
				}
			}
		default:
			lost++
			harm.at(a.register.Client, e.back.Return)
			harm.promised(a.register.Return)
			if c.Status == reports.Pass {
				c.Status, c.Detail = reports.Fail, fmt.Sprintf("%s is locked out and was not asked to choose another password: %s, and then %s", name, a.register, e.back)
			}
		}
		c.Count++
	}
	harm.into(&c)
	switch {
	case c.Status == reports.Fail:
		c.Detail = fmt.Sprintf("%d of %d users are locked out: %s", lost, c.Count, c.Detail)
	case mostAsked >= 0 && asked > mostAsked:
		c.Status, c.Detail = reports.Fail, fmt.Sprintf("%d of %d users had to be asked to choose another password, and at most %d may", asked, c.Count, mostAsked)
	case unseen != "":
		c.Status, c.Detail = reports.Inconclusive, unseen
	default:
		c.Detail = fmt.Sprintf("%d users were let in at the end; %d more had been asked to choose another password, and %d of them did", c.Count-asked, asked, anew)
	}
	atLeast(&c, minimum, "users who have registered")
	return c
}

// entries is how an account was entered at the end.
type entries struct {
	back    *history.Operation // the last login with the first password
	asked   bool               // by mail
	reset   bool               // it was set
	refused *history.Operation // or not taken
}

func entriesOf(all map[string]*entries, name string) *entries {
	if all[name] == nil {
		all[name] = &entries{}
	}
	return all[name]
}

func (e *entries) note(o *history.Operation, final time.Duration) {
	switch {
	case o.Use.Action == actResetMail:
		e.asked = true
	case o.Outcome != history.OK || o.Call < final:
	case o.Use.Action == actReturn:
		e.back = o
	case o.Use.Action == actReset && o.Use.Status == http.StatusOK:
		e.reset = true
	case o.Use.Action == actReset:
		e.refused = o
	}
}
