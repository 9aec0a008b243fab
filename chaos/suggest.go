package chaos

import "fmt"

// DidYouMean returns ` (did you mean "kill"?)` for the nearest of the known words, or nothing
// when none is near.
func DidYouMean(word string, known []string) string {
	best, bestCost := "", len(word)/3+2
	for _, k := range known {
		if cost := editDistance(word, k); cost < bestCost {
			best, bestCost = k, cost
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// editDistance counts the bytes to insert, delete or replace to get from a to b (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
