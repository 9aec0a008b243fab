package checks

import (
	"fmt"

	"picloud/reports"
)

// Amplified judges whether load balancers sent applications about as many requests as they were asked for, in percent of these.
// Second attempts that no budget bounds make the load a multiple just when there is too much of it.
func Amplified(tiers map[string]reports.Tier, percent, minimum int) reports.Check {
	c := reports.Check{Name: "amplified", Status: reports.Pass, Count: int(tiers["lb"].Requests)}
	sent := tiers["app"].Requests
	c.Detail = fmt.Sprintf("load balancers sent %d requests where users made %d", sent, c.Count)
	if sent*100 > int64(percent)*int64(c.Count) {
		c.Status = reports.Fail
		c.Detail += fmt.Sprintf(", more than %d %%", percent)
		return c
	}
	atLeast(&c, minimum, "requests to load balancers")
	return c
}
