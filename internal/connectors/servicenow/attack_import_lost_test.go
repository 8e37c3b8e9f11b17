package servicenow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// The answer to a row that was written over another user is lost. The row is sent again, and the map says "ignored" of that other user, who has it all
// by now: that is the same wrong map, and the pause has to begin.
func TestAttackImport_lost_answer_hides_the_other_user(t *testing.T) {
	s, users := importing(t, func(_ *servicenowtest.ImportSet, m *servicenowtest.TransformMap) { m.Coalesce = []string{"title"} })
	zoe := someone("zoe")
	zoe.Values["title"] = "Chief"
	zoe = s.put(zoe)
	ana, mia := s.put(someone("ana")), s.put(someone("mia"))
	s.faults(func(f *servicenowtest.Faults) {
		f.TwinNames, f.ForbiddenTables = true, []string{"sys_transform_map", "sys_dictionary"}
		f.Faults = fakewire.Rules(fakewire.Rule{Times: 1, Only: []fakewire.Operation{servicenowtest.OpImport}, Succeeded: true, Of: []fakewire.Fault{{Kind: fakewire.Drop}}})
	})
	_, first := users.UpdateUser(t.Context(), ana.ID, titled("Chief"))
	requireKind(t, access.Transient, first)
	require.NotEqual(t, zoe, s.user(t, zoe.ID), "the row was written over zoe")
	_, second := users.UpdateUser(t.Context(), ana.ID, titled("Chief"))
	t.Logf("first: %v\nsecond: %v\nzoe now: %v", first, second, s.user(t, zoe.ID))
	_, schema := users.UserSchema(t.Context())
	_, third := users.UpdateUser(t.Context(), mia.ID, titled("Chief"))
	t.Logf("schema: %v\nthird: %v", schema, third)
	require.ErrorContains(t, second, string(zoe.ID), "who was written over is not named")
	requireKind(t, access.Forbidden, schema)
}

// A row of which the map says "ignored", with the sys_id of somebody else: it has found somebody else.
func TestAttackImport_ignored_of_another_user(t *testing.T) {
	s, users := importing(t, func(_ *servicenowtest.ImportSet, m *servicenowtest.TransformMap) {
		m.Coalesce = []string{"title"}
		m.Fields = map[string]string{"u_sys_id": "sys_id", "u_title": "title"}
	})
	s.faults(unreadable)
	zoe := someone("zoe")
	zoe.Values["title"] = "Chief"
	zoe = s.put(zoe)
	ana := s.put(someone("ana"))
	_, err := users.UpdateUser(t.Context(), ana.ID, titled("Chief"))
	_, schema := users.UserSchema(t.Context())
	t.Logf("error: %v\nschema: %v", err, schema)
	require.ErrorContains(t, err, string(zoe.ID))
	requireKind(t, access.Forbidden, schema)
}
