package config

import (
	"reflect"
	"slices"
	"strings"
)

// field is one key of a section.
type field struct {
	name   string
	secret bool
	value  reflect.Value
}

// fieldsOf lists the keys of a struct, in the order of its fields.
func fieldsOf(v reflect.Value) []field {
	var fields []field
	for i := range v.NumField() {
		info := v.Type().Field(i)
		if !info.IsExported() {
			continue
		}
		name, options := keyOf(info)
		if name == "-" {
			continue
		}
		if slices.Contains(options, "inline") && info.Type.Kind() == reflect.Struct {
			fields = append(fields, fieldsOf(v.Field(i))...)
			continue
		}
		fields = append(fields, field{name: name, secret: info.Tag.Get("secret") == "true", value: v.Field(i)})
	}
	return fields
}

func keyOf(info reflect.StructField) (name string, options []string) {
	tag, ok := info.Tag.Lookup("yaml")
	if !ok {
		tag = info.Tag.Get("json")
	}
	parts := strings.Split(tag, ",")
	if parts[0] == "" {
		return strings.ToLower(info.Name), parts[1:]
	}
	return parts[0], parts[1:]
}

// nearestFirst sorts names by how many letters must be changed to get from the wrong name to them.
func nearestFirst(wrong string, names []string) []string {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	slices.SortStableFunc(sorted, func(a, b string) int { return distance(wrong, a) - distance(wrong, b) })
	return sorted
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
