package scimtest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"usher/internal/connectors/fakewire"
)

// The schema URNs of RFC 7643 and RFC 7644.
const (
	schemaUser       = "urn:ietf:params:scim:schemas:core:2.0:User"
	schemaEnterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	schemaGroup      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	schemaProvider   = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	schemaList       = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	schemaPatch      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	schemaError      = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// answer is a status and a SCIM body; nil has none.
type answer = fakewire.Answer

func refuse(status int, scimType, detail string) *answer {
	body := map[string]any{"schemas": []string{schemaError}, "status": strconv.Itoa(status), "detail": detail}
	if scimType != "" {
		body["scimType"] = scimType
	}
	return &answer{Status: status, Body: body}
}

func refuseValue(detail string) *answer {
	return refuse(http.StatusBadRequest, "invalidValue", detail)
}

// scimHandler answers one call. It runs with the server locked.
type scimHandler func(r *http.Request, body []byte) *answer

// scim is what every SCIM call has in common: the token, the media type, the lock.
func (s *Server) scim(handle scimHandler) http.HandlerFunc {
	return s.Handler("", func(c *fakewire.Call) *answer {
		if !s.authorized(c.Request) {
			return refuse(http.StatusUnauthorized, "", "the bearer token is missing or wrong")
		}
		if len(c.Body) > 0 {
			media, _, _ := strings.Cut(c.Request.Header.Get("Content-Type"), ";")
			if media != "application/scim+json" && media != "application/json" {
				return refuse(http.StatusUnsupportedMediaType, "", "expected application/scim+json")
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return handle(c.Request, c.Body)
	})
}

// resource is a record as it goes over the wire.
type resource map[string]any

// projection is what a call wants to see: attributes and excludedAttributes, on the level of whole attributes.
type projection struct{ only, without []string }

func projectionOf(query url.Values) projection {
	return projection{attributeNames(query.Get("attributes")), attributeNames(query.Get("excludedAttributes"))}
}

func (p projection) shows(attribute string) bool {
	folded := strings.ToLower(attribute)
	return folded == "id" || folded == "schemas" ||
		((len(p.only) == 0 || slices.Contains(p.only, folded)) && !slices.Contains(p.without, folded))
}

// of takes out of a resource what is not shown.
func (p projection) of(r resource) resource {
	maps.DeleteFunc(r, func(attribute string, _ any) bool { return !p.shows(attribute) })
	return r
}

func attributeNames(list string) []string {
	return strings.FieldsFunc(strings.ToLower(list), func(c rune) bool { return c == ',' || c == ' ' })
}

// listing is what one kind of record brings to its listings.
type listing[T any] struct {
	of         *roster[T]
	attributes attributeSet
	matches    func(T, condition) bool
	resource   func(T, projection) resource
}

// answerPage answers a listing: the page of what matches the filter. Only what stands on the page is made a resource.
func answerPage[T any](s *Server, query url.Values, l listing[T]) *answer {
	matches, bad := search(s, query.Get("filter"), l)
	if bad != nil {
		return bad
	}
	start, count := 1, s.pageSize
	if n, err := strconv.Atoi(query.Get("startIndex")); err == nil && !s.quirks.IgnoreStartIndex {
		start = max(n, 1)
	}
	if n, err := strconv.Atoi(query.Get("count")); err == nil {
		count = min(max(n, 0), s.pageSize)
	}
	from := min(start-1, len(matches))
	page, shown := []resource{}, projectionOf(query)
	for _, e := range matches[from:min(from+count, len(matches))] {
		page = append(page, l.resource(e.value, shown))
	}
	return &answer{Status: http.StatusOK, Body: map[string]any{
		"schemas": []string{schemaList}, "totalResults": len(matches), "startIndex": start,
		"itemsPerPage": len(page), "Resources": page,
	}}
}

func (s *Server) getServiceProviderConfig(*http.Request, []byte) *answer {
	off := map[string]any{"supported": false}
	return &answer{Status: http.StatusOK, Body: map[string]any{
		"schemas": []string{schemaProvider},
		"patch":   map[string]any{"supported": !s.quirks.NoPatch},
		"filter":  map[string]any{"supported": true, "maxResults": s.pageSize},
		"bulk":    map[string]any{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"sort":    off, "etag": off, "changePassword": off,
		"authenticationSchemes": []any{map[string]any{
			"type": "oauthbearertoken", "name": "Bearer token", "description": "A fixed bearer token.",
		}},
	}}
}
