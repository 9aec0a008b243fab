package disk

import (
	"fmt"
	"math/rand/v2"
	"time"

	"picloud/sim/event"
)

// Profile is a kind of card.
type Profile uint8

// The kinds of card.
const (
	SDA1   Profile = iota // the floor of application class A1, as cheap cards are
	SDGood                // the official card in a Pi 5
	SSD                   // SATA behind USB 3
	NVMe                  // on the Pi 5's PCIe, second generation
)

// ParseProfile returns the profile of a name as String prints it.
func ParseProfile(name string) (Profile, error) {
	for i, p := range profiles() {
		if p.name == name {
			return Profile(i), nil
		}
	}
	return 0, fmt.Errorf("disk: unknown profile %q (sd-a1, sd-good, ssd or nvme)", name)
}

// String returns the name that scenario files use.
func (p Profile) String() string {
	if all := profiles(); int(p) < len(all) {
		return all[p].name
	}
	return fmt.Sprintf("profile(%d)", uint8(p))
}

// stall is a rare addition to the time of a sync, even between low and high.
type stall struct {
	ppm       int
	low, high time.Duration
}

// profile holds the figures of a kind of card. A sync takes a log-normal time with this median,
// plus now and then a bump, a garbage collection or a long stall.
//
// Sources: the table of cards and the sampler shaped on it in the project's notes on Pi hardware:
// application performance classes of the SD standard (A1: 10 MB/s, 1500 random reads and 500
// writes of 4 KiB a second), measurements of the official card on a Pi 5 (90 MB/s, 5000 and 2000),
// of a USB SSD on a Pi 4 (300 MB/s, 0.46 ms) and of an NVMe drive on a Pi 5 (800 and 728 MB/s, 14k
// and 45k at depth one). The tails of SDA1 follow published fsync figures of cards under etcd; one
// good card showed a median of 0.85, a mean of 1.3 and a maximum of 411 ms over 10k syncs, from
// which the rarer tails of SDGood are estimated.
type profile struct {
	name             string
	syncMedian       time.Duration
	syncSigma        *[quantiles]int32
	bump, gc, long   stall
	readSeek         time.Duration // first byte of a read that does not follow on the last one
	writeSeek        time.Duration // first byte of a write-back
	readBps, writeBs int64         // bytes a second
}

func profiles() []profile {
	const ms, us = time.Millisecond, time.Microsecond
	return []profile{
		SDA1: {"sd-a1", 2500 * us, &sigma50,
			stall{70_000, 10 * ms, 60 * ms}, stall{1_500, 100 * ms, 500 * ms}, stall{170, 800 * ms, 3000 * ms},
			667 * us, 2000 * us, 10e6, 10e6},
		SDGood: {"sd-good", 900 * us, &sigma50,
			stall{10_000, 10 * ms, 60 * ms}, stall{400, 100 * ms, 500 * ms}, stall{},
			200 * us, 500 * us, 90e6, 45e6},
		SSD: {"ssd", 700 * us, &sigma30,
			stall{1_000, 10 * ms, 30 * ms}, stall{}, stall{},
			460 * us, 460 * us, 300e6, 250e6},
		NVMe: {"nvme", 300 * us, &sigma30,
			stall{1_000, 10 * ms, 30 * ms}, stall{}, stall{},
			70 * us, 22 * us, 800e6, 728e6},
	}
}

// After a stall more are likely: the stalls of real cards come in clusters. The chances in a
// profile are those outside of clusters, and such that at twenty syncs a second SDA1 comes to the
// published shares of 0.9 % of all syncs for garbage collections and 0.1 % for long stalls. A stall
// within a cluster does not prolong it, or it would never end.
const (
	clusterFactor = 20
	clusterFor    = 10 * time.Second
)

// sampler draws the times of a device.
type sampler struct {
	profile
	rng     *rand.Rand
	cluster event.Time // until when stalls are likely
}

// sync draws the time of a sync of up to a page. Each call takes the same draws from the stream,
// whatever comes out.
func (s *sampler) sync(now event.Time) time.Duration {
	d := lognormal(s.syncMedian, s.syncSigma, s.rng.Uint32())
	kind, place := s.rng.IntN(1_000_000), s.rng.Uint32()
	factor := 1
	if now < s.cluster {
		factor = clusterFactor
	}
	for _, rare := range []stall{s.long, s.gc} {
		if kind -= rare.ppm * factor; kind < 0 {
			if now >= s.cluster {
				s.cluster = now.Add(clusterFor)
			}
			return d + rare.at(place)
		}
	}
	if kind -= s.bump.ppm; kind < 0 {
		return d + s.bump.at(place)
	}
	return d
}

func (s stall) at(place uint32) time.Duration {
	return s.low + time.Duration(int64(s.high-s.low)>>16*int64(place>>16))
}

// moving returns the time that bytes take at a rate in bytes a second.
func moving(bytes, rate int64) time.Duration {
	return time.Duration(bytes * 1000 / (rate / 1_000_000))
}

// quantiles is the number of entries of a table of a distribution.
const quantiles = 64

// lognormal returns the quantile of a log-normal time that u, even over all its values, stands
// for. Entry i of the table is exp(sigma*z) in 1/65536, z being the normal quantile of
// (i+1/2)/64; between two entries it is linear. Integers, so that every machine gets the same.
func lognormal(median time.Duration, table *[quantiles]int32, u uint32) time.Duration {
	x := uint64(u) * (quantiles - 1)
	i, f := x>>32, int64(x>>16&0xffff)
	lo, hi := int64(table[i]), int64(table[i+1])
	return time.Duration(int64(median) * (lo + (hi-lo)*f>>16) >> 16)
}

var sigma50 = [quantiles]int32{
	19567, 24261, 27161, 29432, 31370, 33099, 34683, 36162, 37562, 38901, 40191, 41443, 42664,
	43860, 45037, 46199, 47349, 48491, 49627, 50760, 51893, 53028, 54166, 55309, 56461, 57622,
	58794, 59980, 61181, 62400, 63638, 64897, 66181, 67491, 68830, 70201, 71606, 73051, 74537,
	76070, 77653, 79293, 80995, 82766, 84613, 86545, 88573, 90709, 92967, 95365, 97923, 100669,
	103635, 106863, 110408, 114342, 118769, 123835, 129762, 136911, 145927, 158133, 177029, 219506,
}

var sigma30 = [quantiles]int32{
	31732, 36103, 38633, 40540, 42122, 43499, 44737, 45872, 46929, 47926, 48873, 49781, 50656,
	51503, 52328, 53134, 53924, 54700, 55466, 56222, 56972, 57716, 58456, 59193, 59930, 60666,
	61404, 62144, 62887, 63636, 64390, 65152, 65922, 66702, 67493, 68296, 69114, 69947, 70797,
	71667, 72558, 73474, 74416, 75388, 76393, 77435, 78519, 79649, 80833, 82078, 83392, 84787,
	86277, 87880, 89617, 91520, 93630, 96006, 98737, 101966, 105943, 111174, 118965, 135350,
}
