package desktest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
)

// bench is a store of three tables, with opaque ids and a clock that stands still until it is moved.
type bench struct {
	*desktest.Store
	now    time.Time
	events []desktest.Event
}

func newBench(t *testing.T, change func(*desktest.StoreConfig)) *bench {
	t.Helper()
	b := &bench{now: noon}
	workflow := desktest.DefaultWorkflow(desktest.ScreenField{ID: "resolution", Required: true})
	cfg := desktest.StoreConfig{
		Now: func() time.Time { return b.now },
		Projects: []desktest.Project{
			{ID: "1", Key: "item", Name: "Items", Workflow: workflow, Fields: []desktest.Field{{ID: "risk", Name: "Risk"}}, Resolutions: []string{"Solved"}},
			{ID: "2", Key: "task", Name: "Tasks", Workflow: workflow},
			{ID: "3", Key: "approval", Name: "Approvals", Workflow: workflow},
		},
		Accounts: []desktest.Account{
			{ID: "bot", Token: "t"}, {ID: "ana", Email: "ana@example.test", Name: "Ana.A", DisplayName: "Ana Alves"},
		},
		Dialect: desktest.Dialect{
			FirstID: 100,
			ID:      func(number int64) string { return fmt.Sprintf("%032x", number*7919) },
			Key: func(p *desktest.Project, number int) string {
				if p.Key == "approval" {
					return ""
				}
				return fmt.Sprintf("%s%07d", p.Key, number)
			},
			Announce: func(e desktest.Event) { b.events = append(b.events, e) },
		},
	}
	if change != nil {
		change(&cfg)
	}
	b.Store = desktest.NewStore(cfg)
	require.NoError(t, b.Restore())
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func (b *bench) open(t *testing.T, ticket desktest.Ticket) *desktest.Ticket {
	t.Helper()
	require.NoError(t, b.Open(&ticket, b.Account("bot")))
	return &ticket
}

// change changes a ticket as ana, and returns it as it is then.
func (b *bench) change(t *testing.T, id string, change func(*desktest.Ticket)) *desktest.Ticket {
	t.Helper()
	before, found := b.Find(id)
	require.True(t, found)
	after := before.Clone()
	change(after)
	require.NoError(t, b.Change(before, after, b.Account("ana"), desktest.EventEdited))
	now, _ := b.Find(id)
	return now
}

func (b *bench) kinds() []desktest.EventKind {
	var out []desktest.EventKind
	for _, e := range b.events {
		out = append(out, e.Kind)
	}
	return out
}

func TestStore_open(t *testing.T) {
	b := newBench(t, nil)
	item := b.open(t, desktest.Ticket{Project: "item", Summary: "Wiki", Reporter: "ana"})
	require.Equal(t, "item0000001", item.Key)
	require.Len(t, item.ID, 32)
	require.Equal(t, []any{"bot", "bot", "10101", 1, noon, noon},
		[]any{item.Creator, item.UpdatedBy, item.Status, item.Revision, item.Created, item.Updated})
	task := b.open(t, desktest.Ticket{Project: "task", Parent: item.ID, Creator: "ana", Status: "10102"})
	require.Equal(t, []string{"task0000001", "ana", "10102"}, []string{task.Key, task.Creator, task.Status})
	require.Equal(t, []*desktest.Ticket{task}, slices.Collect(b.Children(item.ID)))
	for _, name := range []string{item.ID, item.Key, "ITEM0000001"} {
		found, _ := b.Find(name)
		require.Same(t, item, found, name)
	}
	b.open(t, desktest.Ticket{Project: "approval", Parent: item.ID})
	for _, name := range []string{"item0000002", ""} {
		_, found := b.Find(name)
		require.False(t, found, name)
	}
	require.Equal(t, []desktest.EventKind{desktest.EventOpened, desktest.EventOpened, desktest.EventOpened}, b.kinds())
}

func TestStore_history(t *testing.T) {
	b := newBench(t, nil)
	item := b.open(t, desktest.Ticket{Project: "item"})
	b.now = after(1)
	now := b.change(t, item.ID, func(t *desktest.Ticket) {
		t.Assignee, t.Status, t.Description = "ana", "10102", desktest.Quote("Text.")
		t.SetField("risk", desktest.Quote("high"))
		t.SetField("unknown", json.RawMessage("7"))
	})
	require.Equal(t, []any{after(1), "ana", 2, noon}, []any{now.Updated, now.UpdatedBy, now.Revision, item.Updated})
	require.Len(t, now.History, 1)
	require.Equal(t, []any{"ana", after(1)}, []any{now.History[0].By, now.History[0].At})
	require.Equal(t, []desktest.Item{
		{Field: "description", Name: "description", ToText: "Text."},
		{Field: "assignee", Name: "assignee", To: "ana", ToText: "Ana Alves"},
		{Field: "status", Name: "status", From: "10101", FromText: desktest.StatusWaiting, To: "10102", ToText: desktest.StatusApproved},
		{Field: "risk", Name: "Risk", ToText: "high"},
		{Field: "unknown", Name: "unknown", ToText: "7"},
	}, now.History[0].Items)
	require.Same(t, now, b.change(t, item.ID, func(*desktest.Ticket) {}), "no difference is no change")
	require.Equal(t, &now.History[0], b.events[1].Change)
}

func TestStore_comment(t *testing.T) {
	b := newBench(t, nil)
	item := b.open(t, desktest.Ticket{Project: "item"})
	now, added, err := b.Comment(item, desktest.Comment{Body: desktest.Quote("hm"), Internal: true}, b.Account("ana"))
	require.NoError(t, err)
	require.Equal(t, []desktest.Comment{*added}, now.Comments)
	require.Equal(t, []any{"ana", noon, true}, []any{added.Author, added.Created, added.Internal})
	require.Empty(t, now.History)
	require.Equal(t, desktest.EventCommented, b.events[1].Kind)
	require.Empty(t, item.Comments, "a ticket that was read stays as it was")
}

func TestStore_enter(t *testing.T) {
	b := newBench(t, nil)
	item := b.open(t, desktest.Ticket{Project: "item"})
	enter := func(status string) *desktest.Ticket {
		return b.change(t, item.ID, func(t *desktest.Ticket) {
			b.Enter(t, desktest.Transition{To: status, SetResolution: "Solved"})
		})
	}
	done := enter(desktest.StatusDone)
	require.Equal(t, []any{"Solved", noon}, []any{done.Resolution, done.Resolved})
	open := enter(desktest.StatusWaiting)
	require.Equal(t, []any{"", time.Time{}}, []any{open.Resolution, open.Resolved})
}

func TestStore_rekey(t *testing.T) {
	b := newBench(t, nil)
	item := b.open(t, desktest.Ticket{Project: "item"})
	to, _ := b.Project("task")
	now, err := b.Rekey(item, to, b.Account("bot"))
	require.NoError(t, err)
	require.Equal(t, []string{"task0000001", item.ID}, []string{now.Key, now.ID})
	found, _ := b.Find("item0000001")
	require.Same(t, now, found)
	require.NoError(t, b.Delete(now, b.Account("bot")))
	_, exists := b.Find(item.ID)
	require.False(t, exists)
	require.Equal(t, "item0000002", b.open(t, desktest.Ticket{Project: "item"}).Key, "a key is never used again")
}

func TestStore_lag(t *testing.T) {
	b := newBench(t, nil)
	seen := func() []*desktest.Ticket { return slices.Collect(b.Seen(b.View().Oldest())) }
	item := b.open(t, desktest.Ticket{Project: "item"})
	b.SetFaults(desktest.StoreFaults{IndexLagSeconds: 60})
	now := b.change(t, item.ID, func(t *desktest.Ticket) { t.Summary = "later" })
	require.Equal(t, []*desktest.Ticket{item}, seen())
	b.now = after(1)
	require.Equal(t, []*desktest.Ticket{now}, seen())
	require.NoError(t, b.Delete(now, b.Account("bot")))
	require.Equal(t, []*desktest.Ticket{now}, seen(), "a search finds for some time what was deleted")
	b.SetFaults(desktest.StoreFaults{})
	require.Empty(t, seen())
}

func TestStore_accounts(t *testing.T) {
	b := newBench(t, nil)
	for _, name := range []string{"ana", "ANA@example.test", "ana.a"} {
		require.Equal(t, "Ana Alves", b.Account(name).DisplayName, name)
	}
	require.Nil(t, b.Account(""))
	require.Nil(t, b.AccountBy(desktest.ByEmail, "ana"))
	b.AddAccount(desktest.Account{ID: "ana", Email: "alves@example.test"})
	require.Nil(t, b.Account("ana@example.test"))
	require.Len(t, b.Accounts(), 2)
	require.True(t, b.Assignable(b.Account("ana")))
	b.AddAccount(desktest.Account{ID: "app", AccountType: "app"})
	require.False(t, b.Assignable(b.Account("app")))
	b.SetFaults(desktest.StoreFaults{InactiveAccounts: []string{"alves@example.test"}})
	require.False(t, b.Assignable(b.Account("ana")))
	b.AddAccount(desktest.Account{ID: "old", Token: "o", TokenExpires: noon})
	require.Nil(t, b.HolderOf("o"))
	require.Equal(t, "bot", b.HolderOf("t").ID)
	b.SetFaults(desktest.StoreFaults{ExpireTokens: true})
	require.Nil(t, b.HolderOf("t"))
}

func TestStore_restart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.jsonl")
	kept := func(cfg *desktest.StoreConfig) { cfg.StateFile = file }
	b := newBench(t, kept)
	item := b.open(t, desktest.Ticket{Project: "item", Labels: []string{"l"}})
	b.open(t, desktest.Ticket{Project: "task"})
	now := b.change(t, item.ID, func(t *desktest.Ticket) { t.SetField("risk", desktest.Quote("low")) })
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"last_id":999,"issue":{`)
	require.NoError(t, err)
	require.NoError(t, f.Close())

	again := newBench(t, kept)
	require.Equal(t, slices.Collect(b.Tickets()), slices.Collect(again.Tickets()))
	found, _ := again.Find(now.Key)
	require.Equal(t, now, found)
	require.Equal(t, "item0000002", again.open(t, desktest.Ticket{Project: "item"}).Key)
	fewer := newBench(t, func(cfg *desktest.StoreConfig) {
		kept(cfg)
		cfg.Projects = cfg.Projects[1:]
	})
	require.Len(t, slices.Collect(fewer.Tickets()), 1, "tickets of a project that is not configured do not exist")
}

func TestSetUsual(t *testing.T) {
	var ticket desktest.Ticket
	set := func(field, value string) string {
		return desktest.SetUsual(&ticket, desktest.Field{ID: field}, json.RawMessage(value))
	}
	for field, value := range map[string]string{
		"summary": `"s"`, "description": `"d"`, "reporter": `"r"`, "assignee": `"a"`, "resolution": `"x"`, "labels": `["l"]`, "risk": `"high"`,
	} {
		require.Empty(t, set(field, value))
	}
	require.Equal(t, desktest.Ticket{
		Summary: "s", Description: desktest.Quote("d"), Reporter: "r", Assignee: "a", Resolution: "x", Labels: []string{"l"},
		Fields: map[string]json.RawMessage{"risk": desktest.Quote("high")},
	}, ticket)
	require.Empty(t, set("assignee", "null"))
	require.Empty(t, set("risk", `""`))
	require.Empty(t, ticket.Assignee+string(ticket.Fields["risk"]))
	require.Contains(t, set("summary", "7"), "summary: expected a text")
	require.Contains(t, set("labels", "7"), "labels: expected a list")
}
