package chaos

import "slices"

// Shrink returns a small part of a schedule that still fails, by delta debugging: it leaves out
// ever smaller groups of faults as long as what is left fails, until no single fault can be left
// out. The faults that stay keep their times and their random streams. It asks at most `most`
// times; each question is a whole run. A schedule that does not fail comes back as it is; one
// that fails without any fault comes back empty.
func Shrink(s Schedule, most int, fails func(Schedule) bool) Schedule {
	ask := func(part Schedule) bool {
		most--
		return most >= 0 && fails(part)
	}
	if !ask(s) {
		return s
	}
	if ask(nil) {
		return nil
	}
	for size := (len(s) + 1) / 2; size > 0 && most > 0; {
		shrunk := false
		for from := 0; from < len(s) && most > 0; {
			part := slices.Concat(s[:from], s[min(from+size, len(s)):])
			if len(part) > 0 && ask(part) {
				s, shrunk = part, true
			} else {
				from += size
			}
		}
		if size == 1 && !shrunk {
			break
		}
		if size > 1 {
			size = (size + 1) / 2
		}
	}
	return s
}
