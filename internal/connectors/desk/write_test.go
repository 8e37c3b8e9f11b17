package desk_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

func TestCreateTicket_refused_people(t *testing.T) {
	refusal := access.Errorf(access.Invalid, "create", "no")
	for _, tt := range []struct {
		name    string
		refused []desk.Refused
		posts   int
		kind    access.Kind
	}{
		{"nobody refused", []desk.Refused{{}}, 1, access.Invalid},
		{"both at once", []desk.Refused{{Reporter: true, Assignee: true}}, 2, ""},
		{"one after the other", []desk.Refused{{Assignee: true}, {Reporter: true}}, 3, ""},
		{"although it is gone", []desk.Refused{{Assignee: true}, {Assignee: true}}, 2, access.Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript()
			var drafts []desk.Draft
			s.create = func(d desk.Draft) (desk.Ref, desk.Refused, error) {
				drafts = append(drafts, d)
				if n := len(drafts); n <= len(tt.refused) {
					return desk.Ref{}, tt.refused[n-1], refusal
				}
				return desk.Ref{ID: "id:1"}, desk.Refused{}, nil
			}
			_, err := s.desk(desk.Config{
				Reporter: true, Accounts: map[access.PersonID]access.AccountID{"p": "ada"},
			}).CreateTicket(t.Context(), access.NewTicket{Marker: "m", Requester: access.Person{ID: "p"}, Assignee: "bob"})
			requireKind(t, tt.kind, err)
			require.Len(t, drafts, tt.posts)
			require.Equal(t, access.AccountID("ada"), drafts[0].Reporter)
			require.Equal(t, access.AccountID("bob"), drafts[0].Assignee)
		})
	}
}

func TestCreateTicket_draft_fits(t *testing.T) {
	s := newScript()
	s.schema.Fields["f"], s.schema.Fields["g"] = desk.Field{ID: "f", TakesText: true}, desk.Field{ID: "g", TakesText: true}
	var draft desk.Draft
	s.create = func(d desk.Draft) (desk.Ref, desk.Refused, error) {
		draft = d
		return desk.Ref{ID: "id:1"}, desk.Refused{}, nil
	}
	d := s.desk(desk.Config{Fields: map[string]access.TicketField{"f": access.FieldReason, "g": access.FieldItems}})
	_, err := d.CreateTicket(t.Context(), access.NewTicket{
		Marker: "m", Summary: "two\nlines and 🙂🙂🙂🙂🙂🙂", Body: "b", Fields: map[access.TicketField]string{access.FieldReason: "why"},
	})
	require.NoError(t, err)
	require.Equal(t, desk.Draft{
		Marker: "m", Summary: "two lines and [cut]", Body: "b", Fields: map[string]string{"f": "why"}, Schema: s.schema,
	}, draft)
	_, err = d.CreateTicket(t.Context(), access.NewTicket{})
	requireKind(t, access.Invalid, err)
}

func TestAddComments_repeated(t *testing.T) {
	s := newScript()
	s.commentPage = 2
	s.comments = []desk.Comment{
		{By: "ada", Markers: []access.Marker{"c1"}, Lines: []string{"(reference c2)"}},
		{By: me, Lines: []string{"words", "(reference c3)"}},
		{By: me, Markers: []access.Marker{"c4"}},
	}
	var added []desk.CommentDraft
	s.add = func(c desk.CommentDraft) error {
		added = append(added, c)
		return nil
	}
	all := []access.Comment{{Marker: "c1", Text: "one\n(reference c9)"}, {Marker: "c2", Text: "two"}, {Marker: "c3"}, {Marker: "c4"}}
	d := s.desk(desk.Config{})
	require.NoError(t, d.AddComments(t.Context(), "id:1", all...))
	require.Equal(t, []string{"self", "comments ", "comments pp", "add"}, s.asked())
	require.Equal(t, "one\n> (reference c9)\n\ntwo", added[0].Text, "nobody's words pass for a marker")
	require.Equal(t, "(reference c1)\n(reference c2)", added[0].Reference)
	require.Equal(t, []access.Marker{"c1", "c2"}, added[0].Markers)
	carried, err := added[0].Carried(t.Context())
	require.NoError(t, err)
	require.False(t, carried)
	s.comments = append(s.comments, desk.Comment{By: me, Lines: strings.Split(added[0].Reference, "\n")})
	carried, err = added[0].Carried(t.Context())
	require.NoError(t, err)
	require.True(t, carried)
	requireKind(t, access.Invalid, d.AddComments(t.Context(), "id:1", access.Comment{Text: "no marker"}))
}

func TestAddComments_too_long_for_one(t *testing.T) {
	s := newScript()
	var sizes []int
	s.add = func(c desk.CommentDraft) error {
		sizes = append(sizes, len(c.Markers))
		return nil
	}
	text := func(marker access.Marker, n int) access.Comment {
		return access.Comment{Marker: marker, Text: strings.Repeat("x", n)}
	}
	require.NoError(t, s.desk(desk.Config{}).AddComments(t.Context(), "id:1",
		text("1", 20), text("2", 20), text("3", 30), text("4", 500), text("5", 1)))
	require.Equal(t, []int{2, 1, 1, 1}, sizes)
}

func TestTransition_choice(t *testing.T) {
	way := func(id, to string, phase access.TicketPhase, doneOnly string) desk.Transition {
		return desk.Transition{ID: id, Name: "way " + id, To: desk.Status{ID: to, Name: to, Phase: phase}, DoneOnly: doneOnly}
	}
	for _, tt := range []struct {
		name string
		to   access.TicketPhase
		ways []desk.Transition
		want string
		says string
	}{
		{"the first that is listed", access.TicketDone, []desk.Transition{way("1", "Closed", access.TicketDone, ""), way("2", "solved", "", ""), way("3", "Fixed", "", "")}, "3", ""},
		{"its own phase where none is listed", access.TicketWorking, []desk.Transition{way("1", "Stalled", access.TicketWorking, "")}, "1", ""},
		{"rejected by itself", access.TicketWontDo, []desk.Transition{way("1", "Solved", "", ""), way("2", "rejected", access.TicketWontDo, "")}, "2", ""},
		{"closed with a word why not", access.TicketWontDo, []desk.Transition{way("1", "Solved", "", "")}, "1", ""},
		{"closed without a word", access.TicketWontDo, []desk.Transition{way("1", "Solved", "", "is mute")}, "", `"way 1" is mute, and desks.d.statuses.wont_do does not list "Solved"`},
		{"none", access.TicketApproved, []desk.Transition{way("1", "Solved", "", "")}, "", `there are: "way 1" to "Solved"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript()
			s.tickets["id:1"] = open("id:1")
			s.ways = tt.ways
			s.transition = func(m desk.Move) (bool, error) {
				require.Equal(t, desk.Move{Ticket: open("id:1"), Way: m.Way, To: tt.to}, m)
				return false, nil
			}
			d := s.desk(desk.Config{Statuses: map[access.TicketPhase][]string{access.TicketDone: {"Fixed", "Solved"}}})
			err := d.TransitionTicket(t.Context(), "id:1", tt.to)
			if tt.want == "" {
				requireKind(t, access.Conflict, err)
				require.ErrorContains(t, err, tt.says)
				return
			}
			require.NoError(t, err)
			require.Equal(t, []string{"ticket id:1", "ways", "go " + tt.want}, s.asked())
		})
	}
}

func TestTransition_refused(t *testing.T) {
	refusal := access.Errorf(access.Invalid, "move", "no such way")
	for _, tt := range []struct {
		name    string
		refused bool
		after   desk.Status
		kind    access.Kind
		calls   int
	}{
		{"it is there already", true, desk.Status{ID: "5", Name: "solved", Phase: access.TicketDone}, "", 4},
		{"somebody was faster", true, desk.Status{ID: "3", Name: "stalled", Phase: access.TicketWaiting}, access.Transient, 4},
		{"nothing happened", true, desk.Status{ID: "1", Name: "new", Phase: access.TicketWaiting}, access.Invalid, 4},
		{"nothing was sent", false, desk.Status{ID: "5", Name: "solved", Phase: access.TicketDone}, access.Invalid, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript()
			ticket := open("id:1")
			ticket.Status = desk.Status{ID: "1", Name: "new", Phase: access.TicketWaiting}
			s.tickets["id:1"] = ticket
			s.ways = []desk.Transition{{ID: "w", To: desk.Status{ID: "5", Name: "solved", Phase: access.TicketDone}}}
			s.transition = func(desk.Move) (bool, error) {
				ticket.Status = tt.after
				s.tickets["id:1"] = ticket
				return tt.refused, refusal
			}
			err := s.desk(desk.Config{}).TransitionTicket(t.Context(), "id:1", access.TicketDone)
			requireKind(t, tt.kind, err)
			require.Len(t, s.asked(), tt.calls)
		})
	}
}

func TestAssign_once(t *testing.T) {
	s := newScript()
	ticket := open("id:1")
	ticket.Assignee = "ada"
	s.tickets["id:1"] = ticket
	s.assign = func(access.AccountID) error { return nil }
	d := s.desk(desk.Config{})
	require.NoError(t, d.AssignTicket(t.Context(), "id:1", "ada"))
	require.Equal(t, []string{"ticket id:1"}, s.asked())
	require.NoError(t, d.AssignTicket(t.Context(), "id:1", ""))
	require.Equal(t, []string{"ticket id:1", "assign "}, s.asked())
	s.assign = func(access.AccountID) error { return access.Errorf(access.NotFound, "assign", "gone") }
	requireKind(t, access.NotFound, d.AssignTicket(t.Context(), "id:1", "bob"))
	require.Equal(t, []string{"ticket id:1", "assign bob", "self"}, s.asked())
}
