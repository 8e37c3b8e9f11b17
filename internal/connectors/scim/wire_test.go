package scim_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/scim"
)

const token = "s3cret-t0ken-of-the-directory-0123456789"

// directory is a running SCIM directory, seen from outside of the connector: by plain calls of its own.
type directory struct {
	base string
	// made counts what was made, so that every case has names of its own.
	made *atomic.Int64
	// derives is true for a directory that fills in a missing name and address from the user name.
	derives bool
	// noEmails is why a directory cannot be asked by e-mail address; "" where it can.
	noEmails string
}

func (d directory) call(t *testing.T, method, path string, body any) (int, map[string]any) {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	if body == nil {
		text = nil
	}
	r, err := http.NewRequestWithContext(t.Context(), method, d.base+path, bytes.NewReader(text))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/scim+json")
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	var got map[string]any
	// Not every answer has a body.
	_ = json.NewDecoder(resp.Body).Decode(&got)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode, got
}

func (d directory) create(t *testing.T, path string, record map[string]any) string {
	t.Helper()
	status, made := d.call(t, http.MethodPost, path, record)
	require.Equal(t, http.StatusCreated, status, "%v", made)
	id, _ := made["id"].(string)
	require.NotEmpty(t, id)
	return id
}

func (d directory) createUser(t *testing.T, p access.Person, externalID string) access.PersonID {
	t.Helper()
	record := map[string]any{
		"schemas":  []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
		"userName": p.UserName, "active": p.Active,
	}
	if externalID != "" {
		record["externalId"] = externalID
	}
	if p.DisplayName != "" {
		record["displayName"] = p.DisplayName
	}
	if p.Email != "" {
		record["emails"] = []any{map[string]any{"value": p.Email, "type": "work", "primary": true}}
	}
	if p.Manager != "" {
		const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
		record["schemas"] = []string{"urn:ietf:params:scim:schemas:core:2.0:User", enterprise}
		record[enterprise] = map[string]any{"manager": map[string]any{"value": p.Manager}}
	}
	return access.PersonID(d.create(t, "/Users", record))
}

func (d directory) createGroup(t *testing.T, name string) string {
	t.Helper()
	return d.create(t, "/Groups", map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": name,
	})
}

func (d directory) members(t *testing.T, group string) []string {
	t.Helper()
	status, got := d.call(t, http.MethodGet, "/Groups/"+url.PathEscape(group), nil)
	if status == http.StatusNotFound {
		return nil
	}
	require.Equal(t, http.StatusOK, status, "%v", got)
	var ids []string
	listed, _ := got["members"].([]any)
	for _, m := range listed {
		entry, _ := m.(map[string]any)
		ids = append(ids, fmt.Sprint(entry["value"]))
	}
	return ids
}

func (d directory) patch(t *testing.T, path string, operation map[string]any) {
	t.Helper()
	status, got := d.call(t, http.MethodPatch, path, map[string]any{
		"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []any{operation},
	})
	require.Contains(t, []int{http.StatusOK, http.StatusNoContent}, status, "%v", got)
}

func (d directory) remove(t *testing.T, path string) {
	t.Helper()
	status, got := d.call(t, http.MethodDelete, path, nil)
	require.Equal(t, http.StatusNoContent, status, "%v", got)
}

// trouble stands between the connector and a directory.
type trouble struct {
	base     string
	dropNext atomic.Bool
	noToken  atomic.Bool
}

func newTrouble(t *testing.T, d directory) *trouble {
	t.Helper()
	target, err := url.Parse(d.base)
	require.NoError(t, err)
	m := &trouble{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		if m.noToken.Load() {
			r.Out.Header.Set("Authorization", "Bearer another-token-another-token-another")
		}
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch && m.dropNext.CompareAndSwap(true, false) {
			proxy.ServeHTTP(httptest.NewRecorder(), r)
			cut(w)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	m.base = server.URL
	return m
}

// cut ends a connection without an answer.
func cut(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// provisioners returns harnesses over a directory, for one way to name accounts and roles.
func (d directory) provisioners(match scim.Match, rolesBy scim.RolesBy) func(*testing.T) accesstest.ProvisionerHarness {
	return func(t *testing.T) accesstest.ProvisionerHarness {
		between := newTrouble(t, d)
		target, err := scim.NewTarget(scim.Config{BaseURL: between.base, Token: token, Match: match, RolesBy: rolesBy})
		require.NoError(t, err)

		ids, groups := map[access.PersonID]string{}, map[string]string{}
		person := func(name string) access.Person {
			n := d.made.Add(1)
			p := access.Person{UserName: fmt.Sprintf("%s.%d@example.com", name, n), DisplayName: name, Active: true}
			external := fmt.Sprintf("employee/%d ü", n)
			id := d.createUser(t, p, external)
			p.ID = id
			if match != scim.MatchID {
				p.ID = access.PersonID(external)
			}
			ids[p.ID] = string(id)
			return p
		}
		role := func(name string) string {
			name = fmt.Sprintf("%s Éditeurs 日本 & Co #%d", name, d.made.Add(1))
			id := d.createGroup(t, name)
			if rolesBy == scim.RolesByID {
				name = id
			}
			groups[name] = id
			return name
		}
		members := func(role string) []string {
			if groups[role] == "" {
				return nil
			}
			return d.members(t, groups[role])
		}
		patch := func(role string, operation map[string]any) {
			d.patch(t, "/Groups/"+url.PathEscape(groups[role]), operation)
		}
		return accesstest.ProvisionerHarness{
			Provisioner: target,
			Role:        role("Wiki"), OtherRole: role("Blog"), UnknownRole: "no-such-thing",
			Subject: person("ada"), Other: person("bob"),
			Stranger:  access.Person{ID: "nobody", UserName: "nobody@example.com"},
			RolesByID: rolesBy == scim.RolesByID, AccountsByID: match == scim.MatchID,
			Members: members,
			Put: func(role string, p access.Person) {
				patch(role, map[string]any{"op": "add", "path": "members", "value": []any{map[string]any{"value": ids[p.ID]}}})
			},
			Take: func(role string, p access.Person) {
				patch(role, map[string]any{"op": "remove", "path": fmt.Sprintf(`members[value eq %q]`, ids[p.ID])})
			},
			RenameRole: func(role string) {
				patch(role, map[string]any{"op": "replace", "path": "displayName", "value": fmt.Sprintf("Renamed #%d", d.made.Add(1))})
			},
			RenameAccount: func(p access.Person) {
				n := d.made.Add(1)
				for attribute, value := range map[string]string{"userName": fmt.Sprintf("renamed.%d@example.com", n), "externalId": fmt.Sprintf("renamed/%d", n)} {
					d.patch(t, "/Users/"+url.PathEscape(ids[p.ID]), map[string]any{"op": "replace", "path": attribute, "value": value})
				}
			},
			RemoveAccount:     func(p access.Person) { d.remove(t, "/Users/"+url.PathEscape(ids[p.ID])) },
			RemoveRole:        func(role string) { d.remove(t, "/Groups/"+url.PathEscape(groups[role])) },
			DropAnswerOnce:    func(string) { between.dropNext.Store(true) },
			RefuseCredentials: func() { between.noToken.Store(true) },
		}
	}
}

// sources returns harnesses over a directory.
func (d directory) sources(t *testing.T) accesstest.IdentitySourceHarness {
	between := newTrouble(t, d)
	source, err := scim.NewSource(scim.Config{BaseURL: between.base, Token: token})
	require.NoError(t, err)
	enrol := func(p access.Person) access.Person {
		p.UserName = fmt.Sprintf("%s.%d@example.com", p.UserName, d.made.Add(1))
		if p.Email != "" {
			p.Email = p.UserName
		}
		p.ID = d.createUser(t, p, "")
		if d.derives {
			p.DisplayName, p.Email = cmp.Or(p.DisplayName, p.UserName), cmp.Or(p.Email, p.UserName)
		}
		return p
	}
	boss := enrol(access.Person{UserName: "mia", DisplayName: "Mia", Active: true})
	return accesstest.IdentitySourceHarness{
		Source: source, NoEmails: d.noEmails,
		Known: enrol(access.Person{
			UserName: "ada", DisplayName: "Ada Lovelace, Gräfin 日本", Email: "x",
			Manager: boss.ID, Active: true,
		}),
		Bare:     enrol(access.Person{UserName: "bob", Active: true}),
		Inactive: enrol(access.Person{UserName: "eve", DisplayName: "Eve"}),
		Unknown:  "nobody-at-all",
		Deactivate: func(p access.Person) {
			d.patch(t, "/Users/"+url.PathEscape(string(p.ID)), map[string]any{"op": "replace", "path": "active", "value": false})
		},
		RefuseCredentials: func() { between.noToken.Store(true) },
	}
}
