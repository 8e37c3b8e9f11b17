package bench

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
)

// attributes are search attributes as they were recorded: each payload tells its type.
func attributes(fields map[string]Value) ([]temporal.SearchAttributeUpdate, error) {
	var updates []temporal.SearchAttributeUpdate
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		update, err := attribute(name, fields[name])
		if err != nil {
			return nil, fmt.Errorf("search attribute %s: %w", name, err)
		}
		updates = append(updates, update)
	}
	return updates, nil
}

func attribute(name string, v Value) (temporal.SearchAttributeUpdate, error) {
	switch kind := string(v.Metadata["type"]); kind {
	case "Keyword":
		key := temporal.NewSearchAttributeKeyKeyword(name)
		return setOrUnset(v, key.ValueSet, key.ValueUnset)
	case "KeywordList":
		key := temporal.NewSearchAttributeKeyKeywordList(name)
		return setOrUnset(v, key.ValueSet, key.ValueUnset)
	case "Datetime":
		key := temporal.NewSearchAttributeKeyTime(name)
		return setOrUnset[time.Time](v, key.ValueSet, key.ValueUnset)
	case "Text":
		key := temporal.NewSearchAttributeKeyString(name)
		return setOrUnset(v, key.ValueSet, key.ValueUnset)
	case "Int":
		key := temporal.NewSearchAttributeKeyInt64(name)
		return setOrUnset(v, key.ValueSet, key.ValueUnset)
	case "Double":
		key := temporal.NewSearchAttributeKeyFloat64(name)
		return setOrUnset(v, key.ValueSet, key.ValueUnset)
	case "Bool":
		key := temporal.NewSearchAttributeKeyBool(name)
		return setOrUnset(v, key.ValueSet, key.ValueUnset)
	default:
		return nil, fmt.Errorf("the floor does not know the type %q", kind)
	}
}

func setOrUnset[T any](v Value, set func(T) temporal.SearchAttributeUpdate, unset func() temporal.SearchAttributeUpdate) (temporal.SearchAttributeUpdate, error) {
	if len(v.Data) == 0 || string(v.Data) == "null" {
		return unset(), nil
	}
	var value T
	if err := json.Unmarshal(v.Data, &value); err != nil {
		return nil, err
	}
	return set(value), nil
}
