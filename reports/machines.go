package reports

// Machine is a machine of a run: where it stands, and what became of it.
type Machine struct {
	Name   string  `json:"name"`
	Role   string  `json:"role"`
	Switch string  `json:"switch"`           // its shelf's
	States []State `json:"states,omitempty"` // the times in which it was not up, in order of their beginnings
	Leads  []Lead  `json:"leads,omitempty"`  // the times in which it said that it leads a group, in order of their beginnings
}

// State is a time in which a machine was not up.
type State struct {
	Kind Condition `json:"kind"`
	From Seconds   `json:"from"`
	To   Seconds   `json:"to"`
}

// Condition is how a machine was that was not up.
type Condition string

// The conditions.
const (
	Off        Condition = "off"        // no power, or no process
	Paused     Condition = "paused"     // it stood still with its memory kept
	Restarting Condition = "restarting" // its process had ended by itself, or its board boots
)

// Lead is a time in which a machine led a group of the store.
type Lead struct {
	Group uint64  `json:"group"`
	Term  uint64  `json:"term"`
	From  Seconds `json:"from"`
	To    Seconds `json:"to"`
}
