package checks

import (
	"fmt"
	"slices"
	"strings"

	"picloud/reports"
)

// Named judges whether alerts name the causes: of the faults that they must name (see Watch.Account), but for those that
// another one hid, a share was named in time. Of alerts that nothing explains there may be as many as most says; any number
// if it is negative. Count is the number of faults that alerts had to name.
func Named(r *reports.Result, sharePPM int64, minimum, most int) reports.Check {
	score := r.Score
	c := reports.Check{Name: "named", Status: reports.Pass, Count: score.Named + score.Missed}
	c.Detail = fmt.Sprintf("alerts named %d of %d faults in time, %d more were hidden by others; %d of %d alerts were false",
		score.Named, c.Count, score.Hidden, score.False, score.Fired)
	var why []string
	if share(score.Named, c.Count) < sharePPM {
		i := slices.IndexFunc(r.Faults, func(f reports.Fault) bool { return f.Missed })
		why = append(why, fmt.Sprintf("alerts named too few faults, %d ppm of them are wanted; none named %s", sharePPM, r.Faults[i].Line()))
	}
	if most >= 0 && score.False > most {
		i := slices.IndexFunc(r.Alerts, func(a reports.Alert) bool { return a.False })
		a := &r.Alerts[i]
		why = append(why, fmt.Sprintf("too many alerts were false, %d are allowed; nothing explains %s %s at %s", most, a.Name, a.Target(), a.From))
	}
	if len(why) > 0 {
		c.Status, c.Detail = reports.Fail, strings.Join(append(why, c.Detail), "; ")
		return c
	}
	atLeast(&c, minimum, "faults that alerts must name")
	return c
}
