package chaos

import "picloud/node/host/points"

// The kinds of crashes at a moment that a node's own work decides: between one thing that it asks of its disk and the next.
const (
	CrashAtOp    Kind = "crash-at-op"
	CrashAtPoint Kind = "crash-at-point"
)

// The words of the parameter op: what processes can ask of a disk that changes it.
const (
	AnyOp    = "any"
	CreateOp = "create" // of a file, a folder or a second name
	WriteOp  = "write"
	SyncOp   = "sync" // of a file or a folder
	RenameOp = "rename"
	RemoveOp = "remove"
)

// The words of the parameter by.
const (
	ByPower = "power"
	ByKill  = "kill"
)

func crashKinds() []Spec {
	var names []string
	for _, p := range points.All() {
		names = append(names, string(p))
	}
	by := words("by", "what the machine loses: its power, or only its processes", ByPower, ByKill)
	kinds := []Spec{
		{Kind: CrashAtOp,
			Meaning: "The machine crashes when its disk has done the nth operation since the fault began, before anybody is told of it.",
			Params: []ParamSpec{by,
				words("op", "which operations count", AnyOp, CreateOp, WriteOp, SyncOp, RenameOp, RemoveOp),
				nth("of them it does yet", 40)}},
		{Kind: CrashAtPoint,
			Meaning: "The machine crashes when its program has come to a point the nth time since the fault began.",
			Params:  []ParamSpec{by, words("point", "which", names...), nth("times it comes there", 3)}},
	}
	for i := range kinds {
		k := &kinds[i]
		k.Class, k.Target = ClassProcess, OnMachine
		k.MinFor, k.MaxFor = 2*s, 20*s // in which the moment comes, and until the machine is started again
		k.Out, k.Restarts, k.Survivable = true, true, heals
	}
	return kinds
}

// words is a parameter whose values have names. The first is the default.
func words(name, meaning string, values ...string) ParamSpec {
	last := int64(len(values) - 1)
	return ParamSpec{Name: name, Words: values, Max: last, Top: last, Meaning: meaning}
}

// nth is how often something is to happen. The generator draws small numbers, as some of it is seldom and the beginning of the fault
// is left to chance anyway.
func nth(what string, top int64) ParamSpec {
	return ParamSpec{Name: "n", Unit: Count, Min: 1, Max: 1_000_000, Low: 1, Top: top, Default: 1, Meaning: "how many " + what}
}
