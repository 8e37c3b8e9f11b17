package servicenow_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// What somebody can do who has an account of the instance, who can edit a ticket, or who can send mail.

// TestAttackIntake_creator: on an instance that is not hardened, whoever may write a ticket can write another account into it as its creator.
func TestAttackIntake_creator(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		s, d, thief := intakeSite(t, kind)
		victim := s.person(access.Person{ID: "p-ada", DisplayName: "Ada", Email: "ada@example.test"})
		id := s.ask(t, thief, map[string]any{"description": "Access: wiki/admin", "sys_created_by": string(victim)})
		got, err := d.ReadAsked(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, thief, got.Creator.ID)
		s.faults(func(f *servicenowtest.Faults) { f.WritableCreators = true })
		id = s.ask(t, thief, map[string]any{"description": "Access: wiki/admin", "sys_created_by": string(victim)})
		forged, _ := s.Ticket(string(id))
		require.Equal(t, servicenowtest.AccountID(string(victim)), forged.Creator, "ServiceNow shows the other account as the creator")
		_, err = d.ReadAsked(t.Context(), id)
		requireKind(t, access.Forbidden, err)
		require.ErrorContains(t, err, "glide.rest.table_api.admin_only_sys_fields")
		_, err = d.BindTicket(t.Context(), id, victim, "usher-now.1:0123456789abcdef")
		requireKind(t, access.Forbidden, err)
	})
}

// TestAttackIntake_property: what usher's account cannot see is no proof.
func TestAttackIntake_property(t *testing.T) {
	for name, fault := range map[string]servicenowtest.Faults{
		"hidden":    {HiddenTables: []string{"sys_properties"}},
		"forbidden": {ForbiddenTables: []string{"sys_properties"}},
	} {
		s, d, account := intakeSite(t, incidents)
		id := s.ask(t, account, plea())
		s.SetFaults(fault)
		_, err := d.ReadAsked(t.Context(), id)
		requireKind(t, access.Forbidden, err)
		require.ErrorContains(t, err, "desks.now.intake", name)
	}
}

// TestAttackIntake_names: the people whom a ticket names did not open it.
func TestAttackIntake_names(t *testing.T) {
	s, d, thief := intakeSite(t, incidents)
	victim := servicenowtest.AccountID(string(s.person(access.Person{ID: "p-ada", Email: "ada@example.test"})))
	id := s.ask(t, thief, map[string]any{"caller_id": victim, "opened_by": victim, "requested_for": victim})
	got, err := d.ReadAsked(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, thief, got.Creator.ID)
}

// TestAttackIntake_way: a mail is written in the name of its sender, whom nobody has proved, and contact_type can be changed later.
func TestAttackIntake_way(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		for name, row := range map[string]struct {
			ways []string
			says string
		}{
			"a mail":                          {[]string{"email"}, "email"},
			"a call":                          {[]string{"phone"}, "phone"},
			"a way that nobody knows":         {[]string{"carrier pigeon"}, "carrier pigeon"},
			"no way":                          {[]string{""}, "an unknown way"},
			"a mail that was made a log-in":   {[]string{"email", "self-service"}, "email"},
			"no way that was made a log-in":   {[]string{"", "self-service"}, "an unknown way"},
			"a log-in that was made a mail":   {[]string{"self-service", "email"}, "email"},
			"a mail between two other values": {[]string{"self-service", "email", "self-service"}, "email"},
		} {
			t.Run(name, func(t *testing.T) {
				s, d, account := intakeSite(t, kind)
				id := s.mailed(t, account, row.ways[0])
				for _, way := range row.ways[1:] {
					require.NoError(t, s.Edit(string(account), string(id), map[string]any{"contact_type": way}))
				}
				_, err := d.ReadAsked(t.Context(), id)
				requireKind(t, access.Invalid, err)
				require.ErrorContains(t, err, "it came by "+row.says)
			})
		}
	})
}

// mailed is a ticket that came by a way from its first moment on.
func (s *site) mailed(t *testing.T, by access.AccountID, way string) access.TicketID {
	t.Helper()
	s.faults(func(f *servicenowtest.Faults) { f.ContactType = &way })
	defer s.faults(func(f *servicenowtest.Faults) { f.ContactType = nil })
	return s.ask(t, by, plea())
}

// TestAttackIntake_channels: an administrator may take what does not prove who asks.
func TestAttackIntake_channels(t *testing.T) {
	s, _, account := intakeSite(t, incidents)
	d := s.desk(t, func(c *servicenow.Config) { c.Intake = &desk.Intake{Kind: "access", Channels: []string{"email"}} })
	got, err := d.ReadAsked(t.Context(), s.mailed(t, account, "email"))
	require.NoError(t, err)
	require.Equal(t, account, got.Creator.ID)
}

// TestAttackIntake_own_ticket: a ticket of usher's that somebody has made look like one by which people ask.
func TestAttackIntake_own_ticket(t *testing.T) {
	s, d, account := intakeSite(t, incidents)
	id := open(t, d).ID
	for _, own := range []string{"usher", ""} {
		require.NoError(t, s.Edit(string(account), string(id), map[string]any{
			"category": "access", "contact_type": "self-service", "correlation_id": "", "correlation_display": own,
		}))
		_, err := d.ReadAsked(t.Context(), id)
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, "usher opened it")
	}
}

// TestAttackIntake_marked: what carries a mark of usher's in any place is a request's.
func TestAttackIntake_marked(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		marks := []map[string]any{{"correlation_id": "usher-x"}, {"correlation_display": "Usher"}}
		if kind == items {
			marks = append(marks, map[string]any{"variables.usher_marker": "usher-x"})
		}
		for _, mark := range marks {
			s, d, account := intakeSite(t, kind)
			id := s.ask(t, account, plea())
			require.NoError(t, s.Edit(string(account), string(id), mark))
			_, err := d.ReadAsked(t.Context(), id)
			requireKind(t, access.Invalid, err)
			require.ErrorContains(t, err, "it belongs to a request")
		}
	})
}

// TestAttackIntake_marker: somebody writes a marker between usher's look at the ticket and its own marker.
func TestAttackIntake_marker(t *testing.T) {
	s, d, account := intakeSite(t, incidents)
	id, looks, planted := s.ask(t, account, plea()), 0, error(nil)
	s.tap.AnswerInstead("GET /"+string(id), func(w http.ResponseWriter, r *http.Request) {
		if looks++; looks == 2 {
			planted = s.Edit(string(account), string(id), map[string]any{"correlation_id": "usher-now.9:0123456789abcdef"})
		}
		s.Server.ServeHTTP(w, r)
	})
	_, err := d.BindTicket(t.Context(), id, account, "usher-now.1:0123456789abcdef")
	require.NoError(t, planted)
	requireKind(t, access.Invalid, err)
	require.Equal(t, 1, s.count("usher-now.9:0123456789abcdef"), "it is as it was written")
}

// TestAttackIntake_field_changed: what is asked for stands in a field, which is changed after usher has read it, also within one second.
func TestAttackIntake_field_changed(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		s, _, account := intakeSite(t, kind)
		d := s.desk(t, func(c *servicenow.Config) {
			s.takesIn(c)
			c.Fields = nil
		})
		field, other := "u_role", "cost_center"
		if kind == items {
			field, other = "variables.role", "variables.reason"
		}
		id := s.ask(t, account, plea())
		seen := map[string]bool{}
		for _, role := range []string{"wiki/reader", "wiki/editor", "wiki/admin"} {
			require.NoError(t, s.Edit(string(account), string(id), map[string]any{field: role}))
			got, err := d.ReadAsked(t.Context(), id)
			require.NoError(t, err)
			require.NotEmpty(t, got.TextChange)
			require.False(t, seen[got.TextChange], "each change has a name of its own")
			seen[got.TextChange] = true
		}
		bound, err := d.BindTicket(t.Context(), id, account, "usher-now.1:0123456789abcdef")
		require.NoError(t, err)
		require.True(t, seen[bound.TextChange])
		require.NoError(t, s.Edit(string(account), string(id), map[string]any{other: "2"}))
		got, err := d.ReadTicket(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, bound.TextChange, got.TextChange)
		require.NoError(t, s.Edit(string(account), string(id), map[string]any{field: "wiki/owner"}))
		got, err = d.ReadTicket(t.Context(), id)
		require.NoError(t, err)
		require.NotEqual(t, bound.TextChange, got.TextChange)
	})
}
