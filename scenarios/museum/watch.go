package museum

import "picloud/node/raftlog"

// watch refuses what the log does not take in time, and ends the process when it takes too long.
func watch(log raftlog.Keeper) raftlog.Keeper {
	return inTime(raftlog.Watch(log, stallLimit, func(what string) {
		panic("museum: the disk hangs: " + what + " took longer than " + stallLimit.String())
	}), slowLimit)
}
