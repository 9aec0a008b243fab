package scenarios

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"picloud/chaos"
)

// Schedule returns the faults of a run: those that the scenario lists, or generated ones. Random
// numbers come from streams, one for each name.
func (s *Scenario) Schedule(stream func(name string) *rand.Rand) (chaos.Schedule, error) {
	if s.Faults.Schedule.Text != "" {
		return s.scripted()
	}
	if len(s.Faults.Kinds) == 0 && len(s.Faults.Required) == 0 {
		return nil, nil
	}
	return chaos.Generate(s.generatorConfig(), stream)
}

// scripted reads the schedule that stands in the file.
func (s *Scenario) scripted() (chaos.Schedule, error) {
	schedule, err := chaos.Parse("schedule", s.Faults.Schedule.Text)
	if err != nil {
		// The message starts with "schedule:3: ": the line becomes that of the whole file.
		text := strings.TrimPrefix(err.Error(), "schedule:")
		number, rest, _ := strings.Cut(text, ": ")
		if line, e := strconv.Atoi(number); e == nil {
			return nil, &problem{"faults.schedule", rest, s.Faults.Schedule.Line + line - 1}
		}
		return nil, wrong("faults.schedule", "%s", strings.TrimSpace(text))
	}
	top := s.ChaosTopology()
	if err := top.Check(schedule); err != nil {
		return nil, wrong("faults.schedule", "%s", err)
	}
	if schedule.End() > s.HealedAt() {
		return nil, wrong("faults.schedule", "the last fault ends at %s, but everything must "+
			"be healed at %s",
			schedule.End(), s.HealedAt())
	}
	return schedule, nil
}

func (s *Scenario) generatorConfig() chaos.Config {
	f := &s.Faults
	c := chaos.Config{
		Topology:  s.ChaosTopology(),
		Roles:     f.Roles,
		DiskRoles: f.Disks,
		Start:     time.Duration(f.Start),
		End:       s.HealedAt(),
		Required:  f.Required,
		SwarmRate: int64(f.Swarm),
		Limits:    f.Limits.over(chaos.DefaultLimits()),
		Aims:      f.Aim,
	}
	for _, k := range f.Kinds {
		if k.Kind != Others {
			c.Kinds = append(c.Kinds, chaos.KindRate{Kind: chaos.Kind(k.Kind),
				Every: time.Duration(k.Every)})
		}
	}
	for _, k := range f.Kinds {
		if k.Kind == Others {
			c.Kinds = append(c.Kinds, s.others(c.Kinds, time.Duration(k.Every))...)
		}
	}
	return c
}

// others returns all kinds that can be played and are not listed.
func (s *Scenario) others(listed []chaos.KindRate, every time.Duration) []chaos.KindRate {
	var rest []chaos.KindRate
	for _, name := range s.Playable() {
		same := func(k chaos.KindRate) bool { return string(k.Kind) == name }
		if !slices.ContainsFunc(listed, same) {
			rest = append(rest, chaos.KindRate{Kind: chaos.Kind(name), Every: every})
		}
	}
	return rest
}

func (l *Limits) over(d chaos.Limits) chaos.Limits {
	if l.OutAtOnce != nil {
		d.OutAtOnce = *l.OutAtOnce
	}
	if l.Storms != nil {
		d.StormRate = int64(*l.Storms)
	}
	if l.DamagedPerRun != nil {
		d.DamagedPerRun = *l.DamagedPerRun
	}
	if l.CrashAfterSilentHarm != nil {
		d.CrashAfterSilentHarm = *l.CrashAfterSilentHarm
	}
	if l.Recovery != nil {
		d.Recovery = time.Duration(*l.Recovery)
	}
	if l.Longest != nil {
		d.Longest = time.Duration(*l.Longest)
	}
	if l.ActiveAtOnce != nil {
		d.ActiveAtOnce = *l.ActiveAtOnce
	}
	return d
}
