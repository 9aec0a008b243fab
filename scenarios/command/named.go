package command

import (
	"fmt"
	"slices"
	"strings"

	"picloud/chaos"
)

// named returns those of a list whose names somebody has given, separated by commas, in the list's order, and all if nobody has. What says what they are.
func named[T any](list []T, what string, name func(T) string, given string) ([]T, error) {
	if given == "" {
		return list, nil
	}
	names := make([]string, len(list))
	for i, t := range list {
		names[i] = name(t)
	}
	wanted := strings.Split(given, ",")
	for _, n := range wanted {
		if !slices.Contains(names, n) {
			return nil, fmt.Errorf("there is no %s %q%s", what, n, chaos.DidYouMean(n, names))
		}
	}
	var found []T
	for i, t := range list {
		if slices.Contains(wanted, names[i]) {
			found = append(found, t)
		}
	}
	return found, nil
}
