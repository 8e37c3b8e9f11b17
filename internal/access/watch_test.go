package access_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// known is the mark of a ticket that a human has moved once, and seen is what that ticket looks like.
func known() access.TicketFingerprint {
	return access.TicketFingerprint{
		Key: "ACCESS-1", Project: "ACCESS", Assignee: "ada", StatusChangedBy: "bob", StatusChangedAt: time.Unix(100, 0).UTC(), Status: "Denied",
		SeenAt: time.Unix(100, 0).UTC(),
	}
}

func seen() access.TicketSnapshot {
	return access.TicketSnapshot{
		Ref: access.TicketRef{Desk: "jira", ID: "10001", Key: "ACCESS-1"}, Project: "ACCESS", Phase: access.TicketDenied,
		Status: "Denied", Assignee: "ada", AssignedByUsher: true, StatusChangedBy: "bob", StatusChangedByName: "Bob",
		StatusChangedAt: time.Unix(100, 0).UTC(), UpdatedAt: time.Unix(100, 0).UTC(),
	}
}

func TestFingerprint_news(t *testing.T) {
	fresh := seen()
	fresh.DecisionMoves = []access.TicketMove{denial}
	decided, _ := known().After(fresh)
	rows := []struct {
		name   string
		before access.TicketFingerprint
		now    func(*access.TicketSnapshot)
		news   bool
		after  func(*access.TicketFingerprint)
	}{
		{"a ticket as it was is no news", known(), func(*access.TicketSnapshot) {}, false, func(*access.TicketFingerprint) {}},
		{"the same move in another time zone is no news", known(), func(s *access.TicketSnapshot) {
			s.StatusChangedAt = s.StatusChangedAt.In(time.FixedZone("east", 3600))
		}, false, func(*access.TicketFingerprint) {}},
		{
			"what a mark does not hold is no news", known(), func(s *access.TicketSnapshot) {
				s.UpdatedAt, s.StatusChangedByName, s.Ref.URL, s.Ref.Desk = time.Unix(900, 0), "Robert", "https://desk.test/1", "other"
			}, false, func(*access.TicketFingerprint) {},
		},
		{"usher's own move keeps the mark of the human's before it", known(), func(s *access.TicketSnapshot) {
			s.StatusChangedBy, s.StatusChangedByUsher, s.StatusChangedAt, s.Status = "usher", true, time.Unix(200, 0), "Waiting"
		}, false, func(*access.TicketFingerprint) {}},
		{"a later move by the same human into the same status is news", known(), func(s *access.TicketSnapshot) {
			s.StatusChangedAt = time.Unix(200, 0).UTC()
		}, true, func(m *access.TicketFingerprint) { m.StatusChangedAt = time.Unix(200, 0).UTC() }},
		{"a move by another human is news", known(), func(s *access.TicketSnapshot) {
			s.StatusChangedBy = "cy"
		}, true, func(m *access.TicketFingerprint) { m.StatusChangedBy = "cy" }},
		{"a move into another status is news", known(), func(s *access.TicketSnapshot) {
			s.Status = "Approved"
		}, true, func(m *access.TicketFingerprint) { m.Status = "Approved" }},
		{"a decision is news, though usher moved the ticket afterwards", known(), func(s *access.TicketSnapshot) {
			s.StatusChangedBy, s.StatusChangedByUsher, s.StatusChangedAt, s.Status = "usher", true, time.Unix(200, 0), "Waiting"
			s.DecisionMoves = []access.TicketMove{denial}
		}, true, func(m *access.TicketFingerprint) { m.Decisions = decided.Decisions }},
		{"a decision that is known is no news, in another time zone either", decided, func(s *access.TicketSnapshot) {
			move := denial
			move.At = move.At.In(time.FixedZone("east", 3600))
			s.DecisionMoves = []access.TicketMove{move}
		}, false, func(*access.TicketFingerprint) {}},
		{"a ticket that shows no decision any more keeps its mark", decided, func(*access.TicketSnapshot) {}, false, func(*access.TicketFingerprint) {}},
		{"a ticket that shows no move any more keeps its mark", known(), func(s *access.TicketSnapshot) {
			s.StatusChangedBy, s.StatusChangedAt, s.Status = "", time.Time{}, "Waiting"
		}, false, func(*access.TicketFingerprint) {}},
		{"another key is news", known(), func(s *access.TicketSnapshot) {
			s.Ref.Key = "ACCESS-2"
		}, true, func(m *access.TicketFingerprint) { m.Key = "ACCESS-2" }},
		{"another project is news", known(), func(s *access.TicketSnapshot) {
			s.Project = "OTHER"
		}, true, func(m *access.TicketFingerprint) { m.Project = "OTHER" }},
		{"another key is news, though usher moved the ticket too", known(), func(s *access.TicketSnapshot) {
			s.Ref.Key, s.Project, s.StatusChangedByUsher, s.StatusChangedBy = "OTHER-1", "OTHER", true, "usher"
		}, true, func(m *access.TicketFingerprint) { m.Key, m.Project = "OTHER-1", "OTHER" }},
		{"an assignee that a human chose is news", known(), func(s *access.TicketSnapshot) {
			s.Assignee, s.AssignedByUsher = "cy", false
		}, true, func(m *access.TicketFingerprint) { m.Assignee = "cy" }},
		{"an assignee that a human took away is news", known(), func(s *access.TicketSnapshot) {
			s.Assignee, s.AssignedByUsher = "", false
		}, true, func(m *access.TicketFingerprint) { m.Assignee = "" }},
		{"an assignee that usher chose is remembered and no news", known(), func(s *access.TicketSnapshot) {
			s.Assignee = "cy"
		}, false, func(m *access.TicketFingerprint) { m.Assignee = "cy" }},
		{"the same assignee, chosen again by a human, is no news", known(), func(s *access.TicketSnapshot) {
			s.AssignedByUsher = false
		}, false, func(*access.TicketFingerprint) {}},
		{"the first look at a ticket that nobody touched is no news", access.TicketFingerprint{}, func(s *access.TicketSnapshot) {
			s.StatusChangedBy, s.StatusChangedAt, s.Assignee, s.Status = "", time.Time{}, "", "Waiting"
		}, false, func(m *access.TicketFingerprint) { *m = access.TicketFingerprint{Key: "ACCESS-1", Project: "ACCESS"} }},
		{"the first look at the desk's own assignee is no news", access.TicketFingerprint{}, func(s *access.TicketSnapshot) {
			s.StatusChangedBy, s.StatusChangedAt, s.Status = "", time.Time{}, "Waiting"
		}, false, func(m *access.TicketFingerprint) {
			*m = access.TicketFingerprint{Key: "ACCESS-1", Project: "ACCESS", Assignee: "ada"}
		}},
		{"the first look at an assignee that a human chose is news", access.TicketFingerprint{}, func(s *access.TicketSnapshot) {
			s.StatusChangedBy, s.StatusChangedAt, s.Status, s.AssignedByUsher = "", time.Time{}, "Waiting", false
		}, true, func(m *access.TicketFingerprint) {
			*m = access.TicketFingerprint{Key: "ACCESS-1", Project: "ACCESS", Assignee: "ada"}
		}},
		{"the first look at usher's own move is no news", access.TicketFingerprint{}, func(s *access.TicketSnapshot) {
			s.StatusChangedBy, s.StatusChangedByUsher = "usher", true
		}, false, func(m *access.TicketFingerprint) {
			*m = access.TicketFingerprint{Key: "ACCESS-1", Project: "ACCESS", Assignee: "ada"}
		}},
		{
			"the first look at a human's move is news",
			access.TicketFingerprint{},
			func(*access.TicketSnapshot) {},
			true, func(m *access.TicketFingerprint) { *m = known() },
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			now, want := seen(), row.before
			row.now(&now)
			row.after(&want)
			want.SeenAt = now.UpdatedAt
			after, news := row.before.After(now)
			require.Equal(t, row.news, news)
			require.True(t, want.Equal(after), "want %+v, got %+v", want, after)

			again, news := after.After(now)
			require.False(t, news, "what was told is news once")
			require.True(t, after.Equal(again))
		})
	}
}

// denial is a move that decides.
var denial = access.TicketMove{ID: "7", At: time.Unix(90, 0).UTC(), By: "bob", Status: "Denied", Phase: access.TicketDenied}

func TestFingerprint_Decided(t *testing.T) {
	moves := make([]access.TicketMove, 3)
	for i := range moves {
		moves[i] = denial
		moves[i].ID, moves[i].At = string(rune('7'+i)), denial.At.Add(time.Duration(i/2)*time.Second)
	}
	saw := func(some ...access.TicketMove) access.TicketFingerprint {
		mark, _ := access.TicketFingerprint{}.After(access.TicketSnapshot{DecisionMoves: some})
		return mark
	}
	for name, row := range map[string]struct {
		mark access.TicketFingerprint
		want []access.TicketMove
	}{
		"none is known":          {saw(), moves},
		"the first is known":     {saw(moves[0]), moves[1:]},
		"the last is known":      {saw(moves[2]), moves[:2]},
		"all are known":          {saw(moves...), nil},
		"another one is known":   {saw(denial, access.TicketMove{ID: "1"}), moves[1:]},
		"the same, seen in UTC+": {saw(access.TicketMove{ID: "7", At: denial.At.In(time.FixedZone("east", 3600)), By: "bob", Status: "Denied"}), moves[1:]},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, row.want, row.mark.Decided(access.TicketSnapshot{DecisionMoves: moves}))
		})
	}
}

// An account approves, takes that back and approves again within the grain of a desk that gives changes no ids: that is one move.
func TestFingerprint_Decided_one_moment(t *testing.T) {
	now := seen()
	move := access.TicketMove{At: time.Unix(100, 0).UTC(), By: "mia", Status: "Approved", Phase: access.TicketApproved}
	now.DecisionMoves = []access.TicketMove{move, move}
	require.Len(t, known().Decided(now), 1)
	mark, news := known().After(now)
	require.True(t, news)
	_, again := mark.After(now)
	require.False(t, again)
	require.Empty(t, mark.Decided(now))
}

// A mark does not grow for ever, and does not forget what is shown again soon.
func TestFingerprint_decisions_bounded(t *testing.T) {
	mark := access.TicketFingerprint{}
	for n := range 700 {
		move := denial
		move.At = denial.At.Add(time.Duration(n) * time.Second)
		mark, _ = mark.After(access.TicketSnapshot{DecisionMoves: []access.TicketMove{move}})
		require.LessOrEqual(t, len(mark.Decisions), 300)
		if n > 0 {
			move.At = move.At.Add(-time.Second)
			require.Empty(t, mark.Decided(access.TicketSnapshot{DecisionMoves: []access.TicketMove{move}}))
		}
	}
}

func TestDecisionMoves(t *testing.T) {
	move := func(at int64, by access.AccountID, phase access.TicketPhase) access.TicketMove {
		return access.TicketMove{At: time.Unix(at, 0), By: by, Phase: phase}
	}
	all := []access.TicketMove{
		move(1, "mia", access.TicketDenied), move(2, "ana", access.TicketApproved), move(3, "mia", access.TicketApproved), move(4, "ana", access.TicketApproved),
	}
	for n := range 100 {
		all = append(all, move(int64(5+n), "ana", access.TicketApproved))
	}
	kept := access.DecisionMoves(all)
	require.Equal(t, []access.TicketMove{all[0], all[2], all[103]}, kept)
	for n := range 30 {
		all = append(all, move(int64(200+n), access.AccountID(string(rune('a'+n))), access.TicketDenied))
	}
	require.Len(t, access.DecisionMoves(all), access.MaxDecisionMoves)
	require.Empty(t, access.DecisionMoves(nil))
}

func TestFingerprint_Equal_decision(t *testing.T) {
	one, other := seen(), seen()
	one.DecisionMoves, other.DecisionMoves = []access.TicketMove{denial}, []access.TicketMove{denial}
	first, _ := known().After(one)
	second, _ := known().After(other)
	require.True(t, first.Equal(second))
	require.False(t, first.Equal(known()))
	other.DecisionMoves[0].ID = "8"
	second, _ = known().After(other)
	require.False(t, first.Equal(second))
}

func TestFingerprint_human_move_once(t *testing.T) {
	human, own := seen(), seen()
	own.StatusChangedBy, own.StatusChangedByUsher, own.StatusChangedAt, own.Status = "usher", true, time.Unix(200, 0), "Waiting"
	mark, news := access.TicketFingerprint{}.After(human)
	require.True(t, news)
	mark, news = mark.After(own)
	require.False(t, news)
	mark, news = mark.After(human)
	require.False(t, news, "the same move is told again")
	human.StatusChangedAt = time.Unix(300, 0)
	_, news = mark.After(human)
	require.True(t, news)
}

func TestFingerprint_older_read(t *testing.T) {
	for name, change := range map[string]func(*access.TicketSnapshot){
		"a move":      func(s *access.TicketSnapshot) { s.StatusChangedBy, s.StatusChangedAt = "cy", time.Unix(50, 0) },
		"an assignee": func(s *access.TicketSnapshot) { s.Assignee, s.AssignedByUsher = "cy", false },
		"a key":       func(s *access.TicketSnapshot) { s.Ref.Key, s.Project = "OLD-1", "OLD" },
	} {
		old := seen()
		change(&old)
		old.UpdatedAt = known().SeenAt.Add(-1)
		after, news := known().After(old)
		require.False(t, news, name)
		require.True(t, known().Equal(after), name)

		old.UpdatedAt = known().SeenAt
		_, news = known().After(old)
		require.True(t, news, "%s of the same moment is news: a desk's times are coarse", name)
	}
}

func TestFingerprint_equal(t *testing.T) {
	require.True(t, access.TicketFingerprint{}.Equal(access.TicketFingerprint{}))
	elsewhere := known()
	elsewhere.StatusChangedAt = elsewhere.StatusChangedAt.In(time.FixedZone("east", 3600))
	elsewhere.SeenAt = elsewhere.SeenAt.In(time.FixedZone("west", -3600))
	require.True(t, known().Equal(elsewhere), "the zone of a time is no difference")

	text, err := json.Marshal(elsewhere)
	require.NoError(t, err)
	var back access.TicketFingerprint
	require.NoError(t, json.Unmarshal(text, &back))
	require.True(t, known().Equal(back))

	for name, change := range map[string]func(*access.TicketFingerprint){
		"key":      func(m *access.TicketFingerprint) { m.Key = "ACCESS-2" },
		"project":  func(m *access.TicketFingerprint) { m.Project = "OTHER" },
		"assignee": func(m *access.TicketFingerprint) { m.Assignee = "" },
		"moved by": func(m *access.TicketFingerprint) { m.StatusChangedBy = "cy" },
		"moved at": func(m *access.TicketFingerprint) { m.StatusChangedAt = m.StatusChangedAt.Add(time.Nanosecond) },
		"status":   func(m *access.TicketFingerprint) { m.Status = "Approved" },
		"seen at":  func(m *access.TicketFingerprint) { m.SeenAt = m.SeenAt.Add(time.Nanosecond) },
	} {
		other := known()
		change(&other)
		require.False(t, known().Equal(other), name)
		require.False(t, other.Equal(known()), name)
	}
}

func TestWatchPosition_cursor(t *testing.T) {
	at, desk := time.Unix(10_000, 0).UTC(), time.Unix(50_000, 0).UTC()
	slack := time.Minute
	page := func(next string, now time.Time, updated ...time.Time) access.ChangesPage {
		p := access.ChangesPage{Next: next, Now: now}
		for _, u := range updated {
			p.Tickets = append(p.Tickets, access.TicketSnapshot{UpdatedAt: u})
		}
		return p
	}
	settled := func(until time.Time, updated ...time.Time) access.ChangesPage {
		p := page("2", time.Time{}, updated...)
		p.CompleteUntil = until
		return p
	}
	rows := []struct {
		name   string
		cursor time.Time
		page   access.ChangesPage
		want   time.Time
		done   bool
	}{
		{"a page that is not the last moves to what it settles, not to its newest change", desk, settled(desk.Add(2), desk.Add(time.Hour)), desk.Add(2), false},
		{"a page that is not the last and settles nothing moves nowhere", desk, page("2", time.Time{}, desk.Add(1), desk.Add(2)), desk, false},
		{"what is settled does not lead back", desk, settled(desk.Add(-time.Hour), desk.Add(1)), desk, false},
		{"a page that is not the last does not follow the desk's clock", desk, page("2", desk.Add(time.Hour)), desk, false},
		{"the last page moves to its newest change", desk, page("", time.Time{}, desk.Add(3)), desk.Add(3), true},
		{"a quiet desk's cursor follows its clock", desk, page("", desk.Add(time.Hour)), desk.Add(time.Hour - slack), true},
		{"the cursor never goes back", desk, page("", desk.Add(time.Minute), desk.Add(-time.Hour)), desk, true},
		{"the first round begins by the desk's clock", time.Time{}, page("", desk), desk.Add(-slack), true},
		{"the first round begins by usher's clock where the desk tells none", time.Time{}, page("", time.Time{}), at.Add(-slack), true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			view := access.WatchPosition{Desk: "jira", Cursor: row.cursor, LastScanAt: at.Add(-time.Hour)}
			got := view.Advanced(row.page, at)
			want := view
			want.Cursor = row.want
			if row.done {
				want.LastPollAt = at
			}
			require.Equal(t, want, got)
		})
	}
}

func TestWatchPosition_stale(t *testing.T) {
	at := time.Unix(10_000, 0)
	after := access.Duration(10 * time.Minute)
	require.True(t, access.WatchPosition{}.StaleAt(at, after), "there was no round yet")
	view := access.WatchPosition{LastPollAt: at}
	require.False(t, view.StaleAt(at.Add(10*time.Minute), after))
	require.True(t, view.StaleAt(at.Add(10*time.Minute+1), after))
}
