// Package mutants lists the bugs that can be planted in the product's code. They tell whether the
// scenarios would find bugs of our own making.
//
// Invariants: a mutant counts as found only by what says that it is there, and not by a run that fails
// for something else; one that no seed finds is a hole in the checks or in the faults, and the seed that
// finds one must not fail without it.
package mutants

import (
	"slices"

	"picloud/node/mutant"
)

// Mutant is a bug that can be planted.
type Mutant struct {
	Name     mutant.Name
	Scenario string   // in which it is looked for; empty where the tests of a package find it
	Package  string   // whose tests, where no scenario does; why stands at All
	Breaks   []string // the checks of the scenario, or the tests of the package, that it fails, of which one must
	Meaning  string   // what it does wrong, in one line
}

// ShownBy returns the first of some checks or tests that failed that shows the mutant; nothing if none does.
func (m *Mutant) ShownBy(failed []string) string {
	if i := slices.IndexFunc(failed, func(name string) bool { return slices.Contains(m.Breaks, name) }); i >= 0 {
		return failed[i]
	}
	return ""
}

// The scenarios in which mutants are looked for.
const (
	board    = "short-pinboard" // of Pinboard with all tiers
	cloud    = "short-cloud"    // of the map on one raft group
	store    = "short-store"    // of the store
	stalled  = "stalled-store"  // of the store, with a majority that is well
	lone     = "lone-store"     // of a store on one machine
	jobs     = "short-jobs"     // of Pinboard with workers that are slow and die in the middle of jobs
	slow     = "slow-server"    // of Pinboard with a server that is slower than the others
	full     = "metastable"     // of Pinboard after a burst of slowness
	hot      = "hot-key"        // of Pinboard where all look at one user
	harm     = "short-abuse"    // of Pinboard among people who mean harm
	wiped    = "wiped-card"     // of a store whose member comes back with an empty card while the others are away
	swapped  = "swapped-cards"  // of a store two of whose cards change places
	beyond   = "beyond-store"   // of a store that has lost more copies than it survives
	silent   = "silent-card"    // of a store whose member's card drops writes
	flapping = "link-flap"      // of a store whose member's wire goes down again and again
	stalling = "stalling-card"  // of a store whose leader's card becomes slow
	idle     = "quiet"          // of Pinboard where nothing breaks
	storm    = "retry-storm"    // of Pinboard whose users come faster than they are served for a while
	clocks   = "bad-time"       // of Pinboard whose machines' clocks are wrong
	bent     = "bent-wires"     // of a store whose wires change bits
	postbox  = "dead-postbox"   // of Pinboard whose mail nobody takes for a while
)

// The checks that show them.
const (
	linearizable = "linearizable"
	durable      = "durable"
	agreement    = "agreement"
	serializable = "serializable"
	watched      = "watched"
	live         = "live"
	progress     = "progress"
	deaths       = "no-unexpected-death"
	sessions     = "sessions"
	bounded      = "bounded"
	ended        = "jobs"
	blocked      = "blocked"
	served       = "served"
	lost         = "lost"
	untouched    = "untouched"
)

// All returns the mutants, in the order of their names. Some that were tried are not there, as
// nothing found them: entries read without their checksum (Pebble checks its blocks itself); term
// and vote written without a sync (the first entry of the new leader syncs them a few milliseconds
// later) or forgotten at every start (a second vote in one term needs candidates at the same
// moment); entries that another leader overwrote left in the log (30 seeds); idempotency keys of documents
// not remembered (12 seeds of short-store: a second attempt overwrites its own first one, unless another
// client writes between them while the first one's reply is lost; node/db's tests show it); and raft's pipeline
// left on (6 seeds of stalled-store: it wedges when a follower refuses entries, and a follower of
// the store never does. It takes them or ends, as node/raftlog/fatal_test.go shows; the museum has
// one that refuses).
//
// Some are found by tests of a package only, because users of Pinboard do not feel them: its effects have conditions of their own, so a
// second one changes nothing (double-effect); it writes nothing by steps (twice-once); its functions look at their contexts, and what
// one returns late is written once all the same (late-effect). A job that ends before its effect is written (early-done) loses that only if its
// server dies between the two writes: two seeds of short-jobs did not meet it. A post that nobody could judge (fails-open) is seen by others only
// until it is reviewed. What is wrong with alerts (alert-never-clears, rule-cannot-fire) users do not feel at all.
func All() []Mutant {
	return []Mutant{
		{mutant.AlertNeverClears, "", "node/alerts", []string{"TestStories", "TestANodeThatIsMissing", "TestAnAnswerThatIsNone"}, "an alert that fires does so for ever"},
		{mutant.AnyCard, swapped, "", []string{linearizable, durable, serializable, watched, live}, "a node starts from another one's card"},
		{mutant.BlindExec, store, "", []string{linearizable}, "EXEC does not look whether what is watched has changed"},
		{mutant.BudgetIgnored, "", "node/health", []string{"TestTheBudgetIsNeverExceeded", "TestWhoIsNotCutOff", "TestOneHotShelfIsNotDrainedAsAWhole"},
			"a node takes others out of service whoever else is"},
		{mutant.CarelessCycle, "", "node/health", []string{"TestTheBudgetIsNeverExceeded", "TestWhoIsNotCutOff"},
			"a node's power is cut although it may have the only good copy of something"},
		{mutant.CarelessSwap, cloud, "", []string{linearizable, durable}, "a compare-and-swap does not compare"},
		{mutant.ClingingLeader, stalling, "", []string{served}, "a leader whose card is slow keeps the lead"},
		{mutant.CountsFromZero, "", "node/abuse", []string{"TestServersShareWhatIsLeft", "TestWhatWasPaidOutlivesAServer", "TestNobodyGetsMoreThanALimitAllows", "TestManyAtOnceShareAnAccount"},
			"what somebody has used of a limit is forgotten when a server starts again"},
		{mutant.DisruptiveMember, flapping, "", []string{served}, "a member that was cut off takes the lead from whoever has it as soon as it is back"},
		{mutant.DoubleCycle, "", "node/health", []string{"TestTheBudgetIsNeverExceeded", "TestATokenThatIsLostMovesNoRelay"},
			"who stood still moves a relay although the budget is somebody else's by now"},
		{mutant.DoubleEffect, "", "node/queue", []string{"TestJobsAgainstAModel", "TestScripts"}, "a job that somebody else has taken over is ended all the same, with its effect"},
		{mutant.EagerVoter, "", "node/client", []string{"TestAMemberThatHasForgottenDoesNotElectOneThatIsBehind"},
			"a node that has joined a group anew votes before it has what it may have acknowledged before"},
		{mutant.EarlyAnswer, cloud, "", []string{linearizable, durable}, "a write is answered when it was proposed, not when it is committed"},
		{mutant.EarlyDone, "", "node/queue", []string{"TestJobsAgainstAModel", "TestScripts"}, "a job ends before its effect is written"},
		{mutant.EndlessHold, jobs, "", []string{ended}, "a job that was reserved stays so although nobody works on it any more"},
		{mutant.EndlessTransfer, "", "node/store", []string{"TestALeaderThatCannotHandOverStartsAnew", "TestAHandoverHangsOnlyIfNothingElseIsDoneMeanwhile"},
			"a leader that cannot hand over, and takes no commands, stays so"},
		{mutant.FailsOpen, "", "node/pinboard", []string{"TestWhatIsHeldIsForTheAuthorAndModerators", "TestReviewsComeToWhatTheGuardSays", "TestAReviewGivesUpAfterItsLastAttempt", "TestPagesWithoutAnythingToShowAreNotTheEnd"},
			"a post that nobody could judge in time is stored as shown"},
		{mutant.FalseFailure, cloud, "", []string{linearizable, durable}, "a write that lost its leader is said to have had no effect"},
		{mutant.ForgetfulVoter, silent, "", []string{linearizable, durable}, "a node whose data is damaged throws it away, and stays a member that votes"},
		{mutant.ForgottenReplies, store, "", []string{linearizable, durable, agreement, serializable}, "a snapshot that comes in leaves out which requests took effect"},
		{mutant.FreeRetries, storm, "", []string{served}, "a load balancer tries again whatever that adds to the load"},
		{mutant.HastyAnswer, store, "", []string{linearizable, durable, serializable}, "a transaction is answered from what it will do, before a majority has it"},
		{mutant.HastyBegin, wiped, "", []string{linearizable, durable, serializable, watched}, "a node with an empty card takes who does not answer for one that has nothing either"},
		{mutant.KeptMember, "", "node/client", []string{"TestAMemberThatWasRemovedUnheardEnds"}, "a member that its group has removed, unheard, is kept"},
		{mutant.LateEffect, "", "node/lambda", []string{"TestHowRunsEnd", "TestAFunctionThatIgnoresItsDeadline"}, "what a function returns after its deadline is written"},
		{mutant.LocalClock, cloud, "", []string{linearizable, durable, agreement}, "a node leaves out entries from what its own clock calls the future"},
		{mutant.MixedSession, board, "", []string{sessions}, "a request is served for whoever had a session that looks alike"},
		{mutant.NervousCard, idle, "", []string{untouched}, "a card is called slow at what good cards reach"},
		{mutant.NoBackoff, postbox, "", []string{ended}, "a job that failed is run again at once"},
		{mutant.NoHysteresis, "", "node/health", []string{"TestRules", "TestRulesNeverFlap"}, "a rule is cleared as soon as it may not be raised"},
		{mutant.ReadBack, "", "hw/board", []string{"TestOutputsAreNeverRead"}, "a relay's pin is read back to see whether it is as it was set, which lets go of it"},
		{mutant.RetriedSync, lone, "", []string{linearizable, durable, serializable, watched, live, deaths}, "a sync that failed is done once more, and believed"},
		{mutant.RuleCannotFire, "", "node", []string{"TestRulesLookAtWhatIsExported"}, "a load balancer does not say how many servers are in, which a rule looks at"},
		{mutant.SharedReputation, "", "node/abuse", []string{"TestTenantsHaveAccountsOfTheirOwn"}, "what somebody did to one application counts for all"},
		{mutant.SilentLoss, beyond, "", []string{lost}, "a node whose data is damaged says nothing to those who ask for it"},
		{mutant.SingleHome, hot, "", []string{served}, "an item that very many ask for stays on one cache server"},
		{mutant.StaleLists, harm, "", []string{blocked}, "what comes onto a list later is not heard of"},
		{mutant.StaleRead, cloud, "", []string{linearizable, durable}, "a leader answers reads from its memory and asks nobody"},
		{mutant.StaleSet, "", "node/cache", []string{"TestAnAnswerThatWasReadBeforeAChangeIsNotTakenAfterIt", "TestAnswersAreNeverOlderThanTheBound"},
			"a cache keeps what was read before a change that it has been told of"},
		{mutant.TimerFed, "", "node/watch", []string{"TestALoopThatDiesResetsTheBoard", "TestAStallThatEndsInTimeIsForgiven"}, "the watchdog is fed whether the node's loops live or not"},
		{mutant.TwiceOnce, "", "node/lambda", []string{"TestAStepIsDoneOnce", "TestAStepIsKnownWhileItsJobMayBeRunAgain", "TestAStepOfWhichNobodyKnows", "TestAStepWhoseConditionFails"},
			"a step of a job is done again although the ledger has it"},
		{mutant.UnaskedRead, store, "", []string{linearizable, durable, serializable}, "a leader answers reads from its state and asks no majority"},
		{mutant.UncheckedAge, "", "node/cache", []string{"TestAServerThatHearsNothingRefusesWhatItCannotVouchFor", "TestAnswersAreNeverOlderThanTheBound"},
			"a cache gives answers however old they may be"},
		{mutant.UncheckedWire, bent, "", []string{linearizable, durable, agreement, serializable, watched, deaths}, "frames are not compared with their checksums"},
		{mutant.UncomparedStates, store, "", []string{linearizable, durable, agreement, serializable, watched}, "a replica leaves out a change, and nobody compares the states"},
		{mutant.UnjudgedServers, slow, "", []string{served}, "a load balancer leaves servers in that do worse than the others"},
		{mutant.UnlimitedServers, full, "", []string{served}, "a load balancer sends a server all that comes, however slow it has become"},
		{mutant.UnloggedDelete, cloud, "", []string{linearizable, durable, agreement}, "a delete happens in the leader's memory only"},
		{mutant.UnsyncedLog, store, "", []string{linearizable, durable, agreement, serializable, watched, live}, "entries are acknowledged before they are synced"},
		{mutant.UnverifiedHash, "", "node/pinboard", []string{"TestAHashIsVerifiedBeforeTheAccountIsThere"}, "a password's hash is kept as one processor has computed it"},
		{mutant.UnwatchedDisk, stalled, "", []string{progress}, "a disk that hangs ends neither its node nor that one's lead"},
		{mutant.WallAge, clocks, "", []string{bounded}, "a cache server tells by the wall clock how old what it keeps is"},
		{mutant.WatchGap, store, "", []string{watched}, "who watches at a new leader is told only what happens from then on"},
	}
}
