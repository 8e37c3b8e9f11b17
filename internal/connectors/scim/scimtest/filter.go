package scimtest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// attributeSet names the attributes that a filter may ask for. The bool says whether case matters.
type attributeSet map[string]bool

// comparison is `attribute eq value`, the one form that directories have in common.
var comparison = regexp.MustCompile(`(?i)^\s*([a-z][a-z0-9.]*)\s+eq\s+("(?:[^"\\]|\\.)*"|true|false)\s*(and\s|$)`)

type condition struct {
	attribute string
	value     string
	exact     bool
}

// search returns what matches a filter; a filter that is not made of `eq` and `and` is refused.
func search[T any](s *Server, text string, l listing[T]) ([]*entry[T], *answer) {
	if text == "" || s.quirks.IgnoreFilters {
		return l.of.order, nil
	}
	conditions, bad := s.parse(text, l.attributes)
	if bad != nil {
		return nil, bad
	}
	var matches []*entry[T]
	for _, e := range l.narrowed(conditions) {
		if !slices.ContainsFunc(conditions, func(c condition) bool { return !l.matches(e.value, c) }) {
			matches = append(matches, e)
		}
	}
	return matches, nil
}

// narrowed returns those that may match: never too few, and all where no condition can be looked up.
func (l listing[T]) narrowed(conditions []condition) []*entry[T] {
	for _, c := range conditions {
		if found, told := l.of.find(c.attribute, c.value); told {
			return found
		}
	}
	return l.of.order
}

func (s *Server) parse(text string, attributes attributeSet) ([]condition, *answer) {
	var conditions []condition
	for rest := text; rest != ""; {
		found := comparison.FindStringSubmatch(rest)
		if found == nil {
			return nil, refuseFilter("expected comparisons like userName eq \"x\", joined by and")
		}
		attribute := strings.ToLower(found[1])
		exact, known := attributes[attribute]
		if !known {
			return nil, refuseFilter("cannot filter by " + found[1])
		}
		value := found[2]
		if strings.HasPrefix(value, `"`) {
			if err := json.Unmarshal([]byte(found[2]), &value); err != nil {
				return nil, refuseFilter("expected a JSON string")
			}
		}
		conditions = append(conditions, condition{attribute, value, exact || s.quirks.ExactNames})
		rest = rest[len(found[0]):]
		if found[3] != "" && strings.TrimSpace(rest) == "" {
			return nil, refuseFilter("expected a comparison after and")
		}
	}
	return conditions, nil
}

func refuseFilter(detail string) *answer {
	return refuse(http.StatusBadRequest, "invalidFilter", detail)
}

func (c condition) equals(value string) bool {
	return value == c.value || (!c.exact && strings.EqualFold(value, c.value))
}
