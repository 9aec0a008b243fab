package scenarios

import (
	"fmt"
	"slices"
	"time"

	"picloud/chaos"
	"picloud/scenarios/history"
	"picloud/scenarios/users"
)

// Group is people of one sort beside the users, on one machine, who do what is theirs for a time.
type Group struct {
	Kind    string   `yaml:"kind"`    // moderator, flash-crowd, spam-wave, slow-drip, stuffing, poisoned-feed or bad-pictures
	Machine string   `yaml:"machine"` // a client's, where users may be too
	Count   int      `yaml:"count"`
	Start   Duration `yaml:"start"`  // since the run began
	End     Duration `yaml:"end"`    // since the run began; of a poisoned-feed: when a moderator finds out
	Pause   Duration `yaml:"pause"`  // mean time between two actions of one
	Turn    Duration `yaml:"turn"`   // of a poisoned-feed: when it begins to label the wrong way round
	Listed  Duration `yaml:"listed"` // of bad-pictures: when a moderator lists the second half of them; the first half is listed at once
	Labels  int      `yaml:"labels"` // of moderators: how many texts they label before all else
	Delay   Duration `yaml:"delay"`  // of moderators: in which one makes up the mind about a case
}

// Homes returns the machines on which users are.
func (s *Scenario) Homes() []string {
	if s.Users != nil && len(s.Users.Machines) > 0 {
		return s.Users.Machines
	}
	var names []string
	for _, m := range s.MachinesOf(RoleClient) {
		names = append(names, m.Name)
	}
	return names
}

// GroupsOn returns the groups of a machine.
func (s *Scenario) GroupsOn(machine string) []users.Group {
	var groups []users.Group
	places := map[string]int{}
	for i := range s.Users.Groups {
		g := &s.Users.Groups[i]
		if g.Machine == machine {
			groups = append(groups, g.config(i, places[g.Kind]))
		}
		places[g.Kind] += g.Count
	}
	return groups
}

// config returns what the program of users is told of the group, which is the nth of the scenario and has so many of its kind before it.
func (g *Group) config(nth, place int) users.Group {
	return users.Group{Kind: g.Kind, First: users.GroupClient + nth*users.GroupMost, Place: place, Count: g.Count, Labels: g.Labels,
		Start: time.Duration(g.Start), End: time.Duration(g.End), Pause: time.Duration(g.Pause), Turn: time.Duration(g.Turn), Delay: time.Duration(g.Delay)}
}

// Plan returns what the groups know of each other.
func (s *Scenario) Plan() users.Plan {
	homes := len(s.Homes())
	p := users.Plan{Known: s.Users.Count / homes}
	if s.Users.Visitors == 0 { // their numbers stand between those of two machines' users
		p.Known *= homes
	}
	feeds := 0
	for i := range s.Users.Groups {
		g := &s.Users.Groups[i]
		switch g.Kind {
		case history.Moderator:
			p.Moderators += g.Count
		case history.PoisonedFeed:
			for range g.Count {
				feeds++
				p.Distrust = append(p.Distrust, users.Distrust{Source: users.AccountOf(g.Kind, feeds), At: time.Duration(g.End)})
			}
		case history.BadPictures:
			p.LateList = max(p.LateList, time.Duration(g.Listed))
		}
	}
	slices.SortStableFunc(p.Distrust, func(a, b users.Distrust) int { return int(a.At - b.At) })
	return p
}

func (s *Scenario) validateGroups() error {
	u := s.Users
	var clients []string
	for _, m := range s.MachinesOf(RoleClient) {
		clients = append(clients, m.Name)
	}
	for i, name := range u.Machines {
		if !slices.Contains(clients, name) || slices.Contains(u.Machines[:i], name) {
			return wrong(fmt.Sprintf("users.machines[%d]", i), "%q is no machine for clients or stands twice%s", name, chaos.DidYouMean(name, clients))
		}
	}
	if u.Count < len(s.Homes()) {
		return wrong("users.count", "%d users cannot be on %d machines", u.Count, len(s.Homes()))
	}
	moderated := slices.ContainsFunc(u.Groups, func(g Group) bool { return g.Kind == history.Moderator })
	for i := range u.Groups {
		g, path := &u.Groups[i], fmt.Sprintf("users.groups[%d]", i)
		config := g.config(i, 0)
		switch {
		case !slices.Contains(history.Sorts(), g.Kind):
			return wrong(path+".kind", "unknown kind %q%s", g.Kind, chaos.DidYouMean(g.Kind, history.Sorts()))
		case !slices.Contains(clients, g.Machine):
			return wrong(path+".machine", "%q is no machine for clients%s", g.Machine, chaos.DidYouMean(g.Machine, clients))
		case g.End > s.Duration:
			return wrong(path+".end", "the run ends at %s", time.Duration(s.Duration))
		case (g.Kind == history.BadPictures) != (g.Listed > 0) || g.Listed != 0 && (g.Listed <= g.Start || g.Listed >= g.End):
			return wrong(path+".listed", "bad-pictures, and no others, have a time between start and end at which they are listed")
		case (g.Kind == history.PoisonedFeed || g.Kind == history.BadPictures) && !moderated:
			return wrong(path, "%s needs a moderator", g.Kind)
		}
		if err := config.Validate(); err != nil {
			return wrong(path, "%s", err)
		}
	}
	return nil
}

// guarded tells whether an application's content is judged, so that what has links or pictures may be left out for a moment.
func (s *Scenario) guarded() bool {
	for _, role := range s.Roles {
		for i := range role.Apps {
			if role.Apps[i].Options["abuse"] == "on" {
				return true
			}
		}
	}
	return false
}

func (s *Scenario) validateAbuseChecks() error {
	c := &s.Checks
	if c.Blocked == nil && c.Honest == nil && c.Caught == nil {
		return nil
	}
	if s.Users == nil {
		return wrong("checks", "blocked, honest and caught judge what users saw, and there are none")
	}
	if v := c.Blocked; v != nil && (v.Minimum < 1 || v.Delay <= 0) {
		return wrong("checks.blocked", "the check needs a minimum, and a delay after which nothing is served")
	}
	if v := c.Honest; v != nil && (v.Minimum < 1 || v.Posts < 1 || v.Entries < 1 || v.Within <= 0) {
		return wrong("checks.honest", "the check needs a minimum, shares of posts and entries, and a time within which posts are shown")
	}
	if v := c.Caught; v != nil && (v.Minimum < 1 || v.Settle < 0 || v.Recovery < 0) {
		return wrong("checks.caught", "the check needs a minimum, and no negative times")
	}
	return nil
}
