//go:build mutant_unlimited_servers

package mutant

// Planted is the bug in this build.
const Planted = UnlimitedServers
