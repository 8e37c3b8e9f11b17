package scim

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"usher/internal/access"
	"usher/internal/rest"
)

// mediaType is RFC 7644, section 3.1.
const mediaType = "application/scim+json"

// The schema URNs by which answers and requests name themselves (RFC 7643, section 10; RFC 7644, section 10).
const (
	schemaList     = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	schemaPatch    = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	schemaProvider = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
)

// maxPages is how many pages of one search are read. A search by name has one; who has more than this ignores filters.
const maxPages = 50

var (
	errNotSCIM = errors.New("200 with JSON that is not SCIM: expected the base URL of a SCIM 2.0 directory")
	errNoSuch  = errors.New("no such record")
	errOther   = errors.New("the directory answers with a record of another id")
)

// client makes the calls that Target and Source have in common.
type client struct{ rest *rest.Client }

// record is a resource of the directory.
type record interface{ recordID() string }

// errorText picks the sentence of a SCIM error (RFC 7644, section 3.12).
func errorText(a rest.Response) string {
	var body struct {
		ScimType string `json:"scimType"`
		Detail   string `json:"detail"`
	}
	if json.Unmarshal(a.Body, &body) != nil {
		return ""
	}
	return strings.TrimSpace(body.ScimType + " " + body.Detail)
}

func (c *client) get(ctx context.Context, call rest.Call) (rest.Response, error) {
	call.Mode, call.Method = rest.Read, http.MethodGet
	return c.rest.Do(ctx, call)
}

// patch sends one operation. Repeating it is harmless, so a lost answer is Transient. It has no query: scimmy 1.3.5
// forgets the members that excludedAttributes was to leave out of the answer.
func (c *client) patch(ctx context.Context, op, path string, operation patchOperation) error {
	_, err := c.rest.Do(ctx, rest.Call{
		Op: op, Mode: rest.Write, Method: http.MethodPatch, Path: path,
		Header: http.Header{"Content-Type": {mediaType}},
		Body:   patchBody{Schemas: []string{schemaPatch}, Operations: []patchOperation{operation}},
	})
	return err
}

// readOfPatch is how many bytes of the answer to a PATCH are read. It can be a whole group with all its members, of
// which nothing is needed, because the change is read back; what is left ends with its connection. So much that only the
// answers of groups with more than a thousand members cost a connection.
const readOfPatch = 256 << 10

// patchCutter sends, and cuts the answers to PATCHes.
type patchCutter struct{ base http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (c patchCutter) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.base.RoundTrip(r)
	if err == nil && r.Method == http.MethodPatch {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, readOfPatch), resp.Body}
	}
	return resp, err
}

type patchBody struct {
	Schemas    []string         `json:"schemas"`
	Operations []patchOperation `json:"Operations"`
}

type patchOperation struct {
	Op    string       `json:"op"`
	Path  string       `json:"path"`
	Value []groupValue `json:"value,omitempty"`
}

type groupValue struct {
	Value string `json:"value"`
}

// byID reads the record of an id under call.Path. errNoSuch: there is none, and the directory is one that can say so.
// errOther: it gave another record, perhaps the same in another spelling; taking that for the one would give a person
// two ids.
func byID[T record](ctx context.Context, c *client, call rest.Call, id string) (T, error) {
	var got, none T
	if !addressable(id) {
		return none, errNoSuch
	}
	call.Path, call.Into = call.Path+"/"+url.PathEscape(id), &got
	_, err := c.get(ctx, call)
	switch {
	case access.IsKind(err, access.NotFound):
		if err := c.confirmed(ctx, call.Op); err != nil {
			return none, err
		}
		return none, errNoSuch
	case err != nil:
		return none, err
	case got.recordID() == "":
		return none, &access.Error{Kind: access.Transient, Op: call.Op, Err: errNotSCIM}
	case got.recordID() != id:
		return none, &access.Error{Kind: access.Transient, Op: call.Op, Err: errOther}
	}
	return got, nil
}

// addressable reports whether a path can name the record of an id: one with an empty segment or with dots names something
// else.
func addressable(id string) bool { return id != "" && id != "." && id != ".." }

// confirmed reports whether a 404 can be believed: only a directory that is really there can say that something is not.
func (c *client) confirmed(ctx context.Context, op string) error {
	provider, err := c.provider(ctx, op)
	if err == nil && provider.real() {
		return nil
	}
	switch access.KindOf(err) {
	case access.NotFound, access.Invalid, access.Conflict, "":
		return access.Errorf(access.Transient, op,
			"404, but there is no ServiceProviderConfig either: expected base_url to be that of a SCIM 2.0 directory")
	default:
		return err
	}
}

// providerConfig is what usher needs of RFC 7643, section 5.
type providerConfig struct {
	Schemas []string `json:"schemas"`
	Patch   *feature `json:"patch"`
	Filter  *feature `json:"filter"`
}

type feature struct {
	Supported bool `json:"supported"`
}

func (p providerConfig) real() bool {
	return p.Patch != nil || slices.Contains(p.Schemas, schemaProvider)
}

func (c *client) provider(ctx context.Context, op string) (providerConfig, error) {
	var p providerConfig
	_, err := c.get(ctx, rest.Call{Op: op, Path: "ServiceProviderConfig", Into: &p})
	return p, err
}

type listResponse[T record] struct {
	Schemas      []string `json:"schemas"`
	TotalResults *int     `json:"totalResults"`
	Resources    []T      `json:"Resources"`
}

func (l listResponse[T]) real() bool {
	return l.TotalResults != nil || slices.Contains(l.Schemas, schemaList)
}

// search returns the records of a listing that `wanted` accepts. It reads on past what totalResults promises as long as
// it has found nothing, because some directories give the size of the page there.
func search[T record](ctx context.Context, c *client, call rest.Call, wanted func(T) bool) ([]T, error) {
	var found []T
	received, first := 0, ""
	for range maxPages {
		page, err := c.page(ctx, call, received)
		if err != nil {
			return nil, err
		}
		var list listResponse[T]
		if err := json.Unmarshal(page, &list); err != nil || !list.real() {
			return nil, &access.Error{Kind: access.Transient, Op: call.Op, Err: errNotSCIM}
		}
		if len(list.Resources) == 0 {
			return found, nil
		}
		if id := list.Resources[0].recordID(); received == 0 {
			first = id
		} else if id == first {
			return nil, access.Errorf(access.Invalid, call.Op, "the directory repeats its first page: it ignores startIndex")
		}
		received += len(list.Resources)
		for _, r := range list.Resources {
			if wanted(r) {
				found = append(found, r)
			}
		}
		if len(found) > 0 && list.TotalResults != nil && received >= *list.TotalResults {
			return found, nil
		}
	}
	return nil, access.Errorf(access.Invalid, call.Op,
		"a search has more than %d pages: the directory ignores filters", maxPages)
}

// page reads the records of a listing after those that were received. The first page is asked for without a startIndex:
// not every directory knows the word.
func (c *client) page(ctx context.Context, call rest.Call, received int) (json.RawMessage, error) {
	query := url.Values{}
	for name, values := range call.Query {
		query[name] = values
	}
	if received > 0 {
		query.Set("startIndex", strconv.Itoa(received+1))
	}
	var page json.RawMessage
	call.Query, call.Into = query, &page
	_, err := c.get(ctx, call)
	if access.IsKind(err, access.NotFound) {
		// A listing is there or the directory is not; it never means that nothing was found.
		return nil, access.Errorf(access.Transient, call.Op,
			"404 where a listing was expected: expected base_url to be that of a SCIM 2.0 directory")
	}
	return page, err
}

// eq is a comparison in a filter; its value is a JSON string (RFC 7644, section 3.4.2.2).
func eq(attribute, value string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	// A string always encodes.
	_ = encoder.Encode(value)
	return attribute + " eq " + strings.TrimSuffix(b.String(), "\n")
}
