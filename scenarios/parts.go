package scenarios

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"picloud/chaos"
)

// Parts is who has which part in the groups, as far as the nodes have said so in their logs: for faults that are aimed at a part.
type Parts struct {
	groups []group
}

// group is what is known of one.
type group struct {
	members []string // those with which it began, but for who was removed, and then who was added
	leader  string   // who said last that it leads, in the latest term; "" if it has said since that it does not
	term    uint64
}

// NewParts returns what is known before any node has said anything.
func (s *Scenario) NewParts() *Parts {
	p := &Parts{}
	for _, members := range s.groups() {
		p.groups = append(p.groups, group{members: slices.Clone(members)})
	}
	return p
}

// groups returns the members with which the groups begin. Where no store says so, all nodes are those of one group.
func (s *Scenario) groups() [][]string {
	if s.Store != nil {
		return s.Store.Groups
	}
	for _, m := range s.Topology.Machines {
		if c := s.Roles[m.Role]; c != nil && c.Store != nil {
			return c.Store.Groups
		}
	}
	return [][]string{s.Nodes()}
}

// saying is a line of a node's log about a group.
type saying struct {
	Msg         string
	Group, Term uint64
	Leads       bool
	What, Error string // of a change of members
}

// What nodes log when they begin or cease to lead a group, and when a change of members has ended.
const (
	leaderMessage = "leader"
	changeMessage = "change ends"
)

// read reads a line if it may be one of those with that message.
func (s *saying) read(line []byte, message string) bool {
	return bytes.Contains(line, []byte(`"msg":"`+message+`"`)) && json.Unmarshal(line, s) == nil && s.Msg == message
}

// Hear takes a line of a machine's log.
func (p *Parts) Hear(machine string, line []byte) {
	var s saying
	leads := s.read(line, leaderMessage)
	if !leads && !s.read(line, changeMessage) || s.Group >= uint64(len(p.groups)) {
		return
	}
	g := &p.groups[s.Group]
	switch {
	case leads && s.Leads && s.Term >= g.term:
		g.leader, g.term = machine, s.Term
	case leads && !s.Leads && g.leader == machine:
		g.leader = ""
	case !leads && s.Error == "":
		g.change(s.What)
	}
}

// change adds or removes a member: "add pi-3".
func (g *group) change(what string) {
	does, name, _ := strings.Cut(what, " ")
	if does == "add" || does == "remove" {
		g.members = slices.DeleteFunc(g.members, func(m string) bool { return m == name })
	}
	if does == "add" {
		g.members = append(g.members, name)
	}
}

// Who returns the machine that has a part, and whether one is known to. The follower of a group is the first member, in the order in
// which they came to it, that does not lead it.
func (p *Parts) Who(part chaos.Part) (machine string, known bool) {
	if part.Group >= len(p.groups) {
		return "", false
	}
	g := &p.groups[part.Group]
	if part.Name == chaos.Leader || g.leader == "" {
		return g.leader, g.leader != ""
	}
	i := slices.IndexFunc(g.members, func(m string) bool { return m != g.leader })
	if i < 0 {
		return "", false
	}
	return g.members[i], true
}
