package museum

import "picloud/node/raftlog"

// watch ends the process when a write to the log takes too long.
func watch(log raftlog.Keeper) raftlog.Keeper {
	return raftlog.Watch(log, stallLimit, func(what string) {
		panic("museum: the disk hangs: " + what + " took longer than " + stallLimit.String())
	})
}
