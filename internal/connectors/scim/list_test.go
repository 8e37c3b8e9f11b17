package scim_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/scim"
)

// tampering stands before a directory and changes the pages of its listings.
type tampering struct {
	base string

	mu sync.Mutex
	// change changes the list of users of a page; first is true for the first page.
	change func(list map[string]any, first bool)
	// query changes what is asked for.
	query func(url.Values)
	deny  bool
}

func (p *tampering) set(change func(list map[string]any, first bool), query func(url.Values), deny bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change, p.query, p.deny = change, query, deny
}

func (p *tampering) get() (change func(list map[string]any, first bool), query func(url.Values), deny bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.change, p.query, p.deny
}

// newTampering puts a tampering before a directory.
func newTampering(t *testing.T, d directory) *tampering {
	t.Helper()
	target, err := url.Parse(d.base)
	require.NoError(t, err)
	p := &tampering{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: target.Scheme, Host: target.Host})
			r.Out.Header.Del("Accept-Encoding")
			if _, query, deny := p.get(); deny {
				r.Out.Header.Set("Authorization", "Bearer wrong")
			} else if query != nil {
				values := r.Out.URL.Query()
				query(values)
				r.Out.URL.RawQuery = values.Encode()
			}
		},
		ModifyResponse: func(resp *http.Response) error {
			change, _, _ := p.get()
			if change == nil || resp.StatusCode != http.StatusOK || !strings.Contains(resp.Request.URL.Path, "/Users") {
				return nil
			}
			var answer map[string]any
			if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
				return err
			}
			list := answer
			if !strings.HasSuffix(resp.Request.URL.Path, "/Users") {
				// One user, whom the change finds as a list of one.
				list = map[string]any{"Resources": []any{answer}}
			}
			change(list, resp.Request.URL.Query().Get("startIndex") == "")
			text, err := json.Marshal(answer)
			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
			resp.Header.Del("Content-Length")
			return err
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	p.base = server.URL + target.Path
	return p
}

func resources(list map[string]any) []any {
	all, _ := list["Resources"].([]any)
	return all
}

// listers returns the harness over a directory of which a case has every user.
func (d directory) listers(t *testing.T) accesstest.PeopleListerHarness {
	t.Helper()
	d.removeUsers(t)
	between := newTampering(t, d)
	source, err := scim.NewSource(scim.Config{BaseURL: between.base, Token: token})
	require.NoError(t, err)
	h := accesstest.PeopleListerHarness{
		Lister: source, Finder: source, ExactIDs: true, NoEmails: d.noEmails, NoAttributeKeys: "few directories can be asked so", NoChanges: "SCIM shows nobody who is gone",
		RefuseCredentials: func() { between.set(nil, nil, true) },
		Put:               func(p access.PersonRecord) access.PersonRecord { return d.put(t, p) },
		Remove:            func(id access.PersonID) { d.remove(t, "/Users/"+url.PathEscape(string(id))) },
		HideSome: func() {
			between.set(func(list map[string]any, first bool) {
				if all := resources(list); first && len(all) > 2 {
					list["Resources"] = all[:len(all)-len(all)/3]
				}
			}, func(q url.Values) {
				// The directory skips what it hid.
				if q.Has("startIndex") {
					q.Set("startIndex", "1000")
				}
			}, false)
		},
		Repeat: func() {
			between.set(nil, func(q url.Values) {
				q.Del("startIndex")
				q.Set("count", "3")
			}, false)
		},
		Empty: func() { d.removeUsers(t) },
	}
	h.CutShort = func() {
		between.set(func(list map[string]any, first bool) {
			if first {
				list["Resources"] = resources(list)[1:]
				return
			}
			list["Resources"] = []any{}
			between.set(nil, nil, false)
		}, nil, false)
	}
	boss := d.enrol(t, access.PersonRecord{Person: access.Person{UserName: "mia", DisplayName: "Mia", Active: true}})
	for _, p := range accesstest.SomePeople() {
		if p.ID == "mia" {
			continue
		}
		if p.Manager != "" {
			p.Manager = boss.ID
		}
		h.People = append(h.People, d.enrol(t, p))
	}
	h.People = append(h.People, boss)
	h.Spoil = func() access.PersonID {
		bob := h.People[1].ID
		between.set(func(list map[string]any, _ bool) {
			for _, u := range resources(list) {
				if user, ok := u.(map[string]any); ok && user["id"] == string(bob) {
					user["userName"] = ""
				}
			}
		}, nil, false)
		return bob
	}
	return h
}

func (d directory) removeUsers(t *testing.T) {
	t.Helper()
	for {
		status, list := d.call(t, http.MethodGet, "/Users", nil)
		require.Equal(t, http.StatusOK, status)
		all := resources(list)
		if len(all) == 0 {
			return
		}
		for _, u := range all {
			user, _ := u.(map[string]any)
			id, _ := user["id"].(string)
			d.remove(t, "/Users/"+url.PathEscape(id))
		}
	}
}

// userOf is the user of SCIM for a person.
func (d directory) userOf(p access.PersonRecord) map[string]any {
	extension := map[string]any{}
	user := map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User", scimEnterprise}, scimEnterprise: extension,
		"userName": p.UserName, "active": p.Active,
	}
	if p.DisplayName != "" {
		user["displayName"] = p.DisplayName
	}
	if p.Email != "" {
		user["emails"] = []any{map[string]any{"value": p.Email, "type": "work", "primary": true}}
	}
	if p.Manager != "" {
		extension["manager"] = map[string]any{"value": string(p.Manager)}
	}
	for name, values := range p.Attributes {
		switch name {
		case access.AttributeDepartment:
			extension["department"] = values[0]
		case access.AttributeCostCenter:
			extension["costCenter"] = values[0]
		case access.AttributeTitle:
			user["title"] = values[0]
		}
	}
	return user
}

const scimEnterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// enrol creates a user, with a name and an address that nobody had, and returns the person as the directory keeps it.
func (d directory) enrol(t *testing.T, p access.PersonRecord) access.PersonRecord {
	t.Helper()
	name, _, _ := strings.Cut(p.UserName, "@")
	p.UserName = fmt.Sprintf("%s.%d@example.com", name, d.made.Add(1))
	if p.Email != "" {
		p.Email = p.UserName
	}
	p.ID = access.PersonID(d.create(t, "/Users", d.userOf(p)))
	if d.derives {
		p.DisplayName, p.Email = cmp.Or(p.DisplayName, p.UserName), cmp.Or(p.Email, p.UserName)
	}
	return p
}

// put enrols a person, or replaces the one of that id.
func (d directory) put(t *testing.T, p access.PersonRecord) access.PersonRecord {
	t.Helper()
	path := "/Users/" + url.PathEscape(string(p.ID))
	if status, _ := d.call(t, http.MethodGet, path, nil); status != http.StatusOK {
		return d.enrol(t, p)
	}
	user := d.userOf(p)
	user["id"] = string(p.ID)
	status, got := d.call(t, http.MethodPut, path, user)
	require.Equal(t, http.StatusOK, status, "%v", got)
	return p
}

// A user who cannot be read may have an id that cannot be kept: the ledger would refuse the whole page for it.
func TestListPeople_broken_user_with_a_bad_id(t *testing.T) {
	for name, row := range map[string]struct {
		id   string
		kept access.PersonID
		// always is true for a directory that answers with its only page, whatever is asked for.
		always bool
	}{
		"long": {strings.Repeat("x", 600), "", false}, "long, one page": {strings.Repeat("x", 600), "", true},
		"NUL": {`a\u0000b`, "", false}, "good": {"2", "2", false}, "good, one page": {"2", "2", true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/scim+json")
				users := `[{"id":"1","userName":"ana"},{"id":"` + row.id + `","userName":"bob","emails":"bob@example.com"}]`
				if from := r.URL.Query().Get("startIndex"); from != "" && from != "1" && !row.always {
					users = `[]`
				}
				_, _ = fmt.Fprintf(w, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":2,"Resources":%s}`, users)
			}))
			t.Cleanup(server.Close)
			source, err := scim.NewSource(scim.Config{BaseURL: server.URL, Token: token})
			require.NoError(t, err)
			var problems []access.PersonProblem
			_, err = source.ListPeople(t.Context(), "", func(page access.PeoplePage) error {
				problems = append(problems, page.Problems...)
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, []access.PersonProblem{{Row: "user 2", ID: row.kept, Problem: "expected a user of SCIM"}}, problems)
		})
	}
}
