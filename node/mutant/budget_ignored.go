//go:build mutant_budget_ignored

package mutant

// Planted is the bug in this build.
const Planted = BudgetIgnored
