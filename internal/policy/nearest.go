package policy

import "slices"

// nearestFirst sorts names by how many letters must be changed to get from the wrong name to them.
func nearestFirst(wrong string, names []string) []string {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	slices.SortStableFunc(sorted, func(a, b string) int { return distance(wrong, a) - distance(wrong, b) })
	return sorted
}

// near returns up to three names that could have been meant.
func near(wrong string, names []string) []string {
	limit := max(2, len([]rune(wrong))/3)
	similar := slices.DeleteFunc(nearestFirst(wrong, names), func(name string) bool { return distance(wrong, name) > limit })
	return similar[:min(3, len(similar))]
}

// distance is the edit distance: how many runes must be inserted, removed or replaced.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j := range to {
			cost := 1
			if from[i] == to[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(to)]
}
