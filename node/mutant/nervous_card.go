//go:build mutant_nervous_card

package mutant

// Planted is the bug in this build.
const Planted = NervousCard
