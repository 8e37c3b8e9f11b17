package servicenow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

func TestReadComments_journal(t *testing.T) {
	s := newSite(t, incidents, servicenowtest.Config{})
	eve := s.person(access.Person{ID: "eve", DisplayName: "Eve", Email: "eve@example.test"})
	id := open(t, s.desk(t, nil)).ID
	require.NoError(t, s.CommentAs(string(eve), string(id), "to the caller"))
	require.NoError(t, s.NoteAs(string(eve), string(id), "to colleagues"))
	for journal, want := range map[string]string{"": "to the caller", "comments": "to the caller", "work_notes": "to colleagues"} {
		got, err := s.desk(t, func(c *servicenow.Config) { c.Journal = journal }).ReadComments(t.Context(), id, time.Time{})
		require.NoError(t, err)
		require.Len(t, got, 1)
		require.Equal(t, want, got[0].Text)
	}
}

func TestReadComments_unreadable(t *testing.T) {
	for name, fault := range map[string]func(*servicenowtest.Faults){
		"forbidden": func(f *servicenowtest.Faults) { f.ForbiddenTables = []string{"sys_journal_field"} },
		"hidden":    func(f *servicenowtest.Faults) { f.HiddenTables = []string{"sys_journal_field"} },
		"hidden, not counted": func(f *servicenowtest.Faults) {
			f.HiddenTables, f.NoTotalCount = []string{"sys_journal_field"}, true
		},
		"zoned": func(f *servicenowtest.Faults) { f.ZonedQueries = true },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, incidents, servicenowtest.Config{})
			eve := s.person(access.Person{ID: "eve", DisplayName: "Eve", Email: "eve@example.test"})
			d := s.desk(t, nil)
			id := open(t, d).ID
			require.NoError(t, s.CommentAs(string(eve), string(id), "hello"))
			if name == "zoned" {
				for _, a := range s.Accounts() {
					a.Zone = time.FixedZone("west", -5*3600)
					s.AddAccount(a)
				}
			}
			s.faults(fault)
			if name != "zoned" {
				require.NoError(t, d.AddComments(t.Context(), id, access.Comment{Marker: "c1", Text: "one"}))
			}
			_, err := d.ReadComments(t.Context(), id, time.Now().Add(-time.Hour))
			requireKind(t, access.Forbidden, err)
		})
	}
}
