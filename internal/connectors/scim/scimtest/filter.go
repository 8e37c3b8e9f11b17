package scimtest

import (
	"encoding/json"
	"net/http"
	"regexp"
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

// filter gives the records that match; a filter that is not made of `eq` and `and` is refused.
func (s *Server) filter(text string, attributes attributeSet, all []resource) ([]resource, *answer) {
	if text == "" || s.quirks.IgnoreFilters {
		return all, nil
	}
	conditions, bad := s.parse(text, attributes)
	if bad != nil {
		return nil, bad
	}
	var matches []resource
	for _, r := range all {
		if r.matches(conditions) {
			matches = append(matches, r)
		}
	}
	return matches, nil
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
	a := refuse(http.StatusBadRequest, "invalidFilter", detail)
	return &a
}

// indexKey is where a record keeps the values that filters compare, by lower-case attribute; it never leaves the server.
const indexKey = "\x00index"

func (r resource) matches(conditions []condition) bool {
	index, _ := r[indexKey].(map[string][]string)
	for _, c := range conditions {
		hit := false
		for _, value := range index[c.attribute] {
			hit = hit || value == c.value || (!c.exact && strings.EqualFold(value, c.value))
		}
		if !hit {
			return false
		}
	}
	return true
}
