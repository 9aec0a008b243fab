package draw

import (
	"fmt"
	"strings"
)

// How long a drawn cloud is broken, and how long it is looked at when all is healed. A card of the kind sd-a1 has pauses of three seconds.
const (
	brokenSeconds = 30
	healedSeconds = 30
)

// live is what each drawn cloud must do in the end. The slowest cards cost some writes: see first-cloud.
const live = "  live: {minimum: 10, after: 12s, within: 5s, share: 900000ppm}"

// storeless draws a map on one raft group.
func (d *drawing) storeless() {
	d.begin(brokenSeconds, healedSeconds)
	d.nodes("node", "first-cloud-node", 3, 7)
	d.machine("client-1", "client", "first-cloud-client", "ssd")
	d.clients(1)
	d.faults("node", "", 6, false)
	d.line("\nchecks:\n  linearizable: {minimum: 10, steps: 1000000}\n  durable: {minimum: 1}\n%s", live)
}

// store draws a store of groups that share nodes.
func (d *drawing) store() {
	d.begin(brokenSeconds, healedSeconds)
	nodes := d.nodes("node", "node", 3, 9)
	clients := d.int("client machines", 1, 2)
	for i := range clients {
		d.machine(fmt.Sprintf("client-%d", i+1), "client", "store-client", "ssd")
	}
	d.machine("monitor", "monitor", "node", "ssd")
	d.line("\nstore:\n  groups: %s", d.groups(nodes, 4))
	appenders, watchers := d.int("appenders", 0, 3), d.int("watchers", 0, 2)
	d.line("  partitions: %d\n  appenders: %d\n  watchers: %d", d.int("partitions", 1, 6), appenders, watchers)
	moves := len(nodes) > members && d.yes("members move")
	d.line("  moves: %t\n  database: %t\n  ballast: %dMiB", moves, d.yes("databases"), d.int("ballast", 0, 4))
	d.clients(clients)
	d.faults("node", "", 6, true)
	d.line("\nchecks:\n  linearizable: {minimum: 10, steps: 1000000}\n  durable: {minimum: 1}\n%s", live)
	if appenders > 0 {
		d.line("  serializable: {minimum: 1}")
		if watchers > 0 {
			d.line("  watched: {minimum: 1}")
		}
	}
}

// clients draws who asks for keys.
func (d *drawing) clients(machines int) {
	weight := func(kind string) int { return d.int("weight of "+kind, 1, 50) }
	d.line("\nclients:\n  count: %d\n  operations: {read: %d, write: %d, cas: %d, delete: %d}",
		machines*d.int("clients", 2, 8), weight("read"), weight("write"), weight("cas"), weight("delete"))
	d.line("  keys: {in-use: %d, retire-after: 100}\n  pause: %dms\n  anywhere: %dppm\n  timeout: 4s",
		d.int("keys", 2, 16), d.int("pause", 6, 20)*10, d.int("anywhere", 0, 5)*100_000)
}

// guarded and not are what an application is told.
const (
	guarded   = `mail: "checked://home-1:2525/", abuse: "on"`
	unguarded = `mail: "checked://home-1:2525/"`
)

// pinboard draws all tiers.
func (d *drawing) pinboard() {
	d.begin(60, 50)
	nodes := d.nodes("store", "node", 3, 5)
	for _, r := range []struct {
		role string
		most int
	}{{"lb", 2}, {"app", 3}, {"worker", 2}, {"cache", 2}} {
		d.nodes(r.role, "node", 1, r.most)
	}
	d.machine("home-1", "client", "pinboard-users", "ssd")
	d.machine("monitor", "monitor", "node", "ssd")
	options, guard, tenant := unguarded, "", ""
	if d.yes("abuse protection") {
		options, guard, tenant = guarded, "\n    abuse: {tenants: [{name: pinboard}]}", ", tenant: pinboard"
	}
	d.line("\nroles:\n  store:\n    store: {groups: %s, memtable-bytes: 262144, cache-bytes: 262144}", d.groups(nodes, 3))
	d.line("  lb:\n    lb:\n      port: \"80\"\n      tls: {port: \"443\"}\n      routes: [{service: pinboard%s}]", tenant)
	d.line("  app:\n    apps: [{name: pinboard, port: \"9000\", options: {%s}}]", options)
	d.line("  worker:\n    queue:\n      queues: [{name: pinboard, namespace: pinboard, hold: 10s}]")
	d.line("    lambda:\n      apps: [{name: pinboard, options: {%s}}]", options)
	d.line("  cache:\n    cache: {memory-bytes: 4194304, bound: 2s}%s", guard)
	d.line("  monitor:\n    monitor: {every: 2s}")
	d.users()
	d.faults("store, lb, app, worker, cache", "store", 20, true)
	d.line("\nchecks:\n  sessions: {minimum: 10}\n  bounded: {minimum: 1}\n  kept: {minimum: 1}\n  jobs: {minimum: 1, within: 15s}")
	d.line("  live: {minimum: 10, after: 18s, within: 8s, share: 900000ppm}")
}

// users draws people and what they like to do.
func (d *drawing) users() {
	var actions []string
	for _, action := range []string{"timeline", "profile", "picture", "post", "photo", "follow", "unfollow", "login", "leave"} {
		most, least := 40, 0
		switch action {
		case "profile", "post":
			least = 5
		case "photo", "login", "leave", "unfollow":
			most = 2
		}
		actions = append(actions, fmt.Sprintf("%s: %d", action, d.int("weight of "+action, least, most)))
	}
	d.line("\nusers:\n  count: %d\n  balancer: lb\n  actions: {%s}", d.int("users", 4, 40), strings.Join(actions, ", "))
	d.line("  start: 5s\n  ramp: 12s\n  pause: %dms\n  timeout: 15s\n  bound: 2s", d.int("pause", 7, 20)*100)
}
