//go:build mutant_unjudged_servers

package mutant

// Planted is the bug in this build.
const Planted = UnjudgedServers
