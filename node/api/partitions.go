package api

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// MaxPartitions bounds how many partitions an application spreads over.
const MaxPartitions = 256

// Partitions are those over which an application spreads what it keeps: NAMESPACE:00, NAMESPACE:01 and so on, in
// hexadecimal. Whoever serves an application's partitions one by one, such as a queue, can so name them all.
type Partitions struct {
	Namespace string `yaml:"namespace"` // as of documents: what lies there as JSON can be read as documents
	Count     int    `yaml:"count"`     // never changes once something is kept: it says where things are
}

// Validate says what is wrong with them.
func (p Partitions) Validate() error {
	if p.Count < 1 || p.Count > MaxPartitions {
		return fmt.Errorf("an application has 1 to %d partitions, not %d", MaxPartitions, p.Count)
	}
	return ValidKey(p.Namespace)
}

// Of returns the partition of what belongs to an owner, such as a user's name.
func (p Partitions) Of(owner string) string {
	h := fnv.New32a()
	h.Write([]byte(owner))
	return p.at(int(h.Sum32() % uint32(p.Count)))
}

// All returns all of them, in order.
func (p Partitions) All() []string {
	all := make([]string, p.Count)
	for i := range all {
		all[i] = p.at(i)
	}
	return all
}

// Has tells whether a text is one of them.
func (p Partitions) Has(partition string) bool {
	number, is := strings.CutPrefix(partition, p.Namespace+":")
	i, err := strconv.ParseUint(number, 16, 16)
	return is && err == nil && int(i) < p.Count && p.at(int(i)) == partition
}

func (p Partitions) at(i int) string { return fmt.Sprintf("%s:%02x", p.Namespace, i) }
