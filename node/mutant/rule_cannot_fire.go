//go:build mutant_rule_cannot_fire

package mutant

// Planted is the bug in this build.
const Planted = RuleCannotFire
