package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/httpapi"
)

// servicesToo takes "service:<client>" for a service that may ask for the wiki alone.
type servicesToo struct{ httpapi.Authenticator }

func (s servicesToo) Authenticate(r *http.Request) (httpapi.Caller, error) {
	client, is := strings.CutPrefix(r.Header.Get("X-Usher-Person"), "service:")
	if !is {
		return s.Authenticator.Authenticate(r)
	}
	return httpapi.Caller{Service: &httpapi.ServiceCaller{Client: client, Applications: []string{"wiki"}}, Evidence: "a token of " + client}, nil
}

const onBehalf = `{"on_behalf_of":"ana","items":[{"entitlement":"wiki/editor"}],"reason":"docs"}`

func TestServices_ask(t *testing.T) {
	w, _ := rolesWorld(t)
	got := w.call("service:portal", "POST", "/v1/requests", onBehalf)
	require.Equal(t, http.StatusCreated, got.status, got.body)
	sent := w.gateway.submitted[0]
	require.Equal(t, access.PersonID("ana"), sent.Requester)
	require.Equal(t, access.PersonID("ana"), sent.Subject)
	require.Equal(t, "portal", sent.Service)
	require.Equal(t, "a token of portal", sent.Evidence)
	got = w.call("service:portal", "POST", "/v1/requests", strings.Replace(onBehalf, `"items"`, `"subject":"sub","items"`, 1))
	require.Equal(t, http.StatusCreated, got.status, got.body)
	require.Equal(t, access.PersonID("sub"), w.gateway.submitted[1].Subject)
	require.Equal(t, access.PersonID("ana"), w.gateway.submitted[1].Requester)

	for caller, row := range map[string]struct {
		body, location string
		status         int
	}{
		"service:portal":    {wiki, "body.on_behalf_of", 403},
		"ana":               {onBehalf, "body.on_behalf_of", 403},
		"audra":             {strings.Replace(onBehalf, "ana", "audra", 1), "body.on_behalf_of", 403},
		"service:portal/1":  {strings.Replace(onBehalf, "wiki/editor", "crm/user", 1), "body.items[0].entitlement", 403},
		"service:portal/2":  {strings.Replace(onBehalf, "wiki/editor", "wikis/editor", 1), "body.items[0].entitlement", 403},
		"service:portal/30": {strings.Replace(onBehalf, "ana", `a\nb`, 1), "", 201},
		"service:portal/31": {strings.Replace(onBehalf, "ana", strings.Repeat("a", 257), 1), "body.on_behalf_of", 422},
	} {
		w.gateway.submitted = nil
		got := w.call(caller, "POST", "/v1/requests", row.body)
		require.Equal(t, row.status, got.status, "%s: %s", caller, got.body)
		if row.status != http.StatusCreated {
			require.Equal(t, row.location, got.problem.Errors[0].Location)
			require.Empty(t, w.gateway.submitted)
		}
	}
}

// TestServices_keys: a key counts for its service alone, and no person has that of a service.
func TestServices_keys(t *testing.T) {
	w, _ := rolesWorld(t)
	ids := map[access.RequestID]bool{}
	for _, caller := range []string{"service:portal", "service:other", "portal", "service/portal"} {
		body := onBehalf
		if !strings.HasPrefix(caller, "service:") {
			body = wiki
		}
		got := w.call(caller, "POST", "/v1/requests", body, "Idempotency-Key", "k")
		require.Equal(t, http.StatusCreated, got.status, got.body)
	}
	for _, r := range w.gateway.submitted {
		ids[r.ID] = true
	}
	require.Len(t, ids, 4)
	by, same := w.gateway.submitted[0], w.gateway.submitted[0]
	same.Service = ""
	require.NotEqual(t, by.Digest(), same.Digest(), "what a service asked is not what the person asked")
}

// TestServices_are_nobody: no service waits for a ticket to be worked, and none is who a person without an id would be.
func TestServices_are_nobody(t *testing.T) {
	w, _ := rolesWorld(t)
	w.recorded("by-hand", func(v *access.RequestView) {
		v.WaitingOn, v.Ticket.ID = []access.Waiting{{Stage: "fulfilment"}}, "10009"
	})
	for _, call := range [][2]string{{"GET", ""}, {"GET", "/audit"}, {"POST", "/decisions"}, {"POST", "/withdraw"}} {
		body := map[string]string{"/decisions": `{"verdict":"approve"}`}[call[1]]
		require.Equal(t, http.StatusNotFound, w.call("service:portal", call[0], "/v1/requests/by-hand"+call[1], body).status, call)
	}
	for _, path := range []string{"/v1/requests", "/v1/requests?mine=true", "/v1/requests?requester=ana", "/v1/requests?entitlement=wiki/editor"} {
		require.Equal(t, http.StatusForbidden, w.call("service:portal", "GET", path, "").status, path)
	}
	open, _ := rolesWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) { c.OpenReads = true })
	open.recorded("other", func(v *access.RequestView) { v.Ticket.ID = "10010" })
	require.Equal(t, http.StatusOK, open.call("eve", "GET", "/v1/requests/other", "").status)
	require.Equal(t, http.StatusNotFound, open.call("service:portal", "GET", "/v1/requests/other", "").status, "open reads are for people")
}

func TestServices_tokens(t *testing.T) {
	config := httpapi.OIDCConfig{ServiceCallers: []httpapi.ServiceCaller{
		{Client: "portal", Applications: []string{"*"}}, {Client: "chat", Sub: "5f0c", Applications: []string{"wiki"}},
	}}
	for name, row := range map[string]struct {
		claims map[string]any
		sub    string
		client string
	}{
		"sub is the client":               {map[string]any{"azp": "portal"}, "portal", "portal"},
		"by client_id":                    {map[string]any{"client_id": "portal"}, "portal", "portal"},
		"sub as configured":               {map[string]any{"azp": "chat"}, "5f0c", "chat"},
		"a person by the client":          {map[string]any{"azp": "portal"}, "ana", ""},
		"a person whose id is the client": {map[string]any{"azp": "web"}, "portal", ""},
		"no client":                       {nil, "portal", ""},
		"two clients":                     {map[string]any{"azp": "portal", "client_id": "web"}, "portal", ""},
		"the sub of another service":      {map[string]any{"azp": "portal"}, "5f0c", ""},
		"the client where sub is another": {map[string]any{"azp": "chat"}, "chat", ""},
		"a client that is no text":        {map[string]any{"azp": []any{"portal"}}, "portal", ""},
	} {
		found := httpapi.ServiceIn(config, row.claims, row.sub)
		require.Equal(t, row.client != "", found != nil, name)
		if found != nil {
			require.Equal(t, row.client, found.Client, name)
		}
	}
	good := httpapi.OIDCConfig{Issuer: "https://id.example", Audience: "usher", ServiceCallers: config.ServiceCallers}
	require.NoError(t, good.Validate())
	for key, bad := range map[string][]httpapi.ServiceCaller{
		"auth.oidc.service_callers[0].client:":       {{Applications: []string{"*"}}},
		"auth.oidc.service_callers[1].client:":       {{Client: "a", Applications: []string{"*"}}, {Client: "a", Applications: []string{"wiki"}}},
		"auth.oidc.service_callers[0].applications:": {{Client: "a"}},
	} {
		good.ServiceCallers = bad
		require.ErrorContains(t, good.Validate(), key)
	}
	for _, applications := range [][]string{{""}, {"wiki/editor"}, {"*", "wiki"}} {
		good.ServiceCallers = []httpapi.ServiceCaller{{Client: "a", Applications: applications}}
		require.ErrorContains(t, good.Validate(), "applications:")
	}
}
