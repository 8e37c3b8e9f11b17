package httpapi

import (
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// queried refuses a query that cannot be read, or that has a parameter twice: the reader would leave out what it does not take, and so answer
// another question.
func queried(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	values, err := url.ParseQuery(r.URL.RawQuery)
	var problem *Problem
	switch {
	case err != nil:
		problem = unqueried("query", "expected name=value, joined by & and percent-encoded")
	default:
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if len(values[name]) > 1 && problem == nil {
				problem = unqueried("query."+name, "expected it once; a parameter that takes several values has commas between")
			}
		}
	}
	if problem != nil {
		problem.write(w, r)
		return
	}
	next(ctx)
}

func unqueried(location, message string) *Problem {
	return newProblem(kindOfStatus(http.StatusUnprocessableEntity), "some parameters are not as expected", ProblemField{Location: location, Message: message})
}
