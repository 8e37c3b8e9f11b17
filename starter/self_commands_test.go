package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/httpapi"
)

func publish(t *testing.T, w *world) {
	t.Helper()
	require.NoError(t, w.store.PublishCatalog(t.Context(), access.PublishedCatalog{
		Hash:         "h1",
		Applications: []access.PublishedApplication{{ID: "crm", Name: "Customers"}, {ID: "wiki", Name: "Wiki", Owners: []access.PersonID{"olga"}}},
		Entitlements: []access.PublishedEntitlement{
			{ID: "crm/user", Application: "crm", ApplicationName: "Customers", Title: "User of\nthe CRM", Stages: []string{"manager"}},
			{
				ID: "wiki/editor", Application: "wiki", ApplicationName: "Wiki", Title: "Editor", MaxDuration: access.Duration(30 * 24 * time.Hour),
				Stages: []string{"manager", "owner"}, Owners: []access.PersonID{"olga", "otto"},
			},
		},
	}, at(0)))
}

func TestCatalogCommand(t *testing.T) {
	w := newWorld(t)
	require.Contains(t, w.usher(t, "ana", "catalog").err, "No worker has published the catalog yet")
	publish(t, w)
	require.Equal(t, said{out: "" +
		"ENTITLEMENT  APPLICATION  WHAT             AT MOST   APPROVED BY\n" +
		"crm/user     Customers    User of the CRM  no limit  manager\n" +
		"wiki/editor  Wiki         Editor           30d       manager, then owner (olga, otto)\n"}, w.usher(t, "ana", "catalog"))
	require.NotContains(t, w.usher(t, "ana", "catalog", "WIKI", "edit").out, "crm/user")
	require.Contains(t, w.usher(t, "ana", "catalog", "--application", "crm").out, "crm/user")
	require.Equal(t, "The catalog has nothing like it.\n", w.usher(t, "ana", "catalog", "nothing").out)
	first := w.usher(t, "ana", "catalog", "--limit", "1")
	require.Contains(t, first.out, "More: --cursor crm/user\n")
	require.Contains(t, w.usher(t, "ana", "catalog", "--limit", "1", "--cursor", "crm/user").out, "wiki/editor")
	var page httpapi.CatalogPage
	require.NoError(t, json.Unmarshal([]byte(w.usher(t, "ana", "catalog", "-o", "json").out), &page))
	require.Len(t, page.Entitlements, 2)
}

func TestWhoamiCommand(t *testing.T) {
	w := newWorld(t)
	publish(t, w)
	require.Equal(t, said{out: "" +
		"Person       olga\n" +
		"Roles        none\n" +
		"Owner of     Wiki (wiki)\n" +
		"Development  usher has not checked who you are\n"}, w.usher(t, "olga", "whoami"))
	require.Contains(t, w.usher(t, "adam", "whoami").out, "Roles        administrator\nDevelopment")
	var me httpapi.Me
	require.NoError(t, json.Unmarshal([]byte(w.usher(t, "olga", "whoami", "-o", "json").out), &me))
	require.Equal(t, access.PersonID("olga"), me.Person)
	text := showMe(httpapi.Me{Person: "p-1", Name: "Olga\nO.", Roles: []string{"auditor", "help_desk"}, ApplicationsProblem: "the ledger is unavailable"})
	require.Equal(t, "Person       Olga O. (p-1)\nRoles        auditor, help_desk\nOwner of     unknown: the ledger is unavailable\n", text)
}

func TestInboxCommand(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, said{out: "Nothing awaits your decision.\n"}, w.usher(t, "boss", "inbox"))
	until := at(9)
	for _, id := range []access.RequestID{"r1", "r2"} {
		item := access.Item{ID: "1", Entitlement: "wiki/editor", Duration: access.Duration(time.Hour)}
		view := access.RequestView{
			Request: access.Request{ID: id, Requester: "ana", Subject: "sub", Items: []access.Item{item}, SubmittedAt: at(0), Reason: "I write\nnotes."},
			State:   access.StateAwaitingApproval, Since: at(1), RequesterName: "Ana A.", ApprovalDeadline: &until,
			WaitingOn: []access.Waiting{{Person: "boss", Stage: "manager", Items: []access.ItemID{"1"}, Since: at(1)}},
			Items:     []access.ItemView{{Item: item, State: access.ItemPending}}, Version: 1,
		}
		require.NoError(t, w.store.Record(t.Context(), access.Entry{View: &view}))
	}
	got := w.usher(t, "boss", "inbox", "--limit", "1")
	require.Contains(t, got.out, ""+
		"r2  Ana A. (ana) for sub, since 2026-06-01 09:01:00Z, until 2026-06-01 09:09:00Z\n"+
		"    reason: I write notes.\n"+
		"    item 1: wiki/editor for 1h, as manager\n"+
		"Decide: usher approve REQUEST, or usher deny REQUEST\n"+
		"More: --cursor ")
	var page httpapi.InboxPage
	require.NoError(t, json.Unmarshal([]byte(w.usher(t, "boss", "inbox", "-o", "json").out), &page))
	require.Len(t, page.Entries, 2)
	require.Equal(t, "Nothing awaits your decision.\n", w.usher(t, "ana", "inbox").out)

	for person, found := range map[string]bool{"ana": true, "sub": true, "boss": false} {
		got := w.usher(t, person, "list", "--mine")
		require.Equal(t, exitOK, got.code, got.err)
		require.Equal(t, found, got.out != "No requests.\n", person)
	}
}

func TestRequestCommand_joined(t *testing.T) {
	text := showSubmitted(httpapi.SubmittedView{RequestView: access.RequestView{Request: access.Request{ID: "r1"}, State: access.StateAwaitingApproval}, Joined: true})
	require.Contains(t, text, "This is asked for already; nothing else was begun. Your reason is not kept.\n\nRequest  r1\n")
	require.NotContains(t, showSubmitted(httpapi.SubmittedView{}), "already")
}
