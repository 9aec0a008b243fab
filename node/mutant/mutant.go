// Package mutant plants bugs in our own code, to see whether the simulator finds them.
//
// A mutant is a value of Planted that one build tag sets; product code asks for it at one place:
//
//	if mutant.Planted == mutant.StaleRead { ... }
//
// Invariants: Planted is a constant, and None without the build tag `mutant`, so that a product
// build has nothing of a mutant in it; a build has at most one mutant, as two do not compile.
package mutant

import "strings"

// Name is the name of a mutant.
type Name string

// None is the code as it should be.
const None Name = ""

// The mutants. What each does stands in package scenarios/mutants.
const (
	AlertNeverClears Name = "alert-never-clears"
	AnyCard          Name = "any-card"
	BlindExec        Name = "blind-exec"
	BudgetIgnored    Name = "budget-ignored"
	CarelessCycle    Name = "careless-cycle"
	CarelessSwap     Name = "careless-swap"
	ClingingLeader   Name = "clinging-leader"
	CountsFromZero   Name = "counts-from-zero"
	DisruptiveMember Name = "disruptive-member"
	DoubleCycle      Name = "double-cycle"
	DoubleEffect     Name = "double-effect"
	EagerVoter       Name = "eager-voter"
	EarlyAnswer      Name = "early-answer"
	EarlyDone        Name = "early-done"
	EndlessHold      Name = "endless-hold"
	EndlessTransfer  Name = "endless-transfer"
	FailsOpen        Name = "fails-open"
	FalseFailure     Name = "false-failure"
	ForgetfulVoter   Name = "forgetful-voter"
	ForgottenReplies Name = "forgotten-replies"
	FreeRetries      Name = "free-retries"
	HastyAnswer      Name = "hasty-answer"
	HastyBegin       Name = "hasty-begin"
	KeptMember       Name = "kept-member"
	LateEffect       Name = "late-effect"
	LocalClock       Name = "local-clock"
	MixedSession     Name = "mixed-session"
	NervousCard      Name = "nervous-card"
	NoBackoff        Name = "no-backoff"
	NoHysteresis     Name = "no-hysteresis"
	ReadBack         Name = "read-back"
	RetriedSync      Name = "retried-sync"
	RuleCannotFire   Name = "rule-cannot-fire"
	SharedReputation Name = "shared-reputation"
	SilentLoss       Name = "silent-loss"
	SingleHome       Name = "single-home"
	StaleLists       Name = "stale-lists"
	StaleRead        Name = "stale-read"
	StaleSet         Name = "stale-set"
	TimerFed         Name = "timer-fed"
	TwiceOnce        Name = "twice-once"
	UnaskedRead      Name = "unasked-read"
	UncheckedAge     Name = "unchecked-age"
	UncheckedWire    Name = "unchecked-wire"
	UncomparedStates Name = "uncompared-states"
	UnjudgedServers  Name = "unjudged-servers"
	UnlimitedServers Name = "unlimited-servers"
	UnloggedDelete   Name = "unlogged-delete"
	UnsyncedLog      Name = "unsynced-log"
	UnverifiedHash   Name = "unverified-hash"
	UnwatchedDisk    Name = "unwatched-disk"
	WallAge          Name = "wall-age"
	WatchGap         Name = "watch-gap"
)

// Tags returns the build tags, separated by commas, that plant the mutant.
func (n Name) Tags() string {
	return "mutant,mutant_" + strings.ReplaceAll(string(n), "-", "_")
}
