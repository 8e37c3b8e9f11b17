package desk_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// say keeps what people read of a comment.
func (s *store) say(t *stored, by access.AccountID, text string) {
	t.public = append(t.public, desk.PublicComment{Author: by, TicketComment: access.TicketComment{
		ID: strconv.Itoa(len(t.public)), By: by, ByName: s.names[by], At: t.Updated, Text: text,
	}})
}

// PublicComments names pages by positions from the newest, and goes behind the time that is asked for.
func (s *store) PublicComments(ctx context.Context, op string, id access.TicketID, _ time.Time, page string) (desk.PublicPage, error) {
	leave, err := s.enter(ctx, op, true)
	if err != nil {
		return desk.PublicPage{}, err
	}
	defer leave()
	t := s.find(id)
	if t == nil {
		return desk.PublicPage{}, missing(op)
	}
	newest := slices.Clone(t.public)
	slices.Reverse(newest)
	start, _ := strconv.Atoi(page)
	end := min(start+storePage, len(newest))
	out := desk.PublicPage{Comments: newest[min(start, end):end]}
	if end < len(newest) {
		out.Next = strconv.Itoa(end)
	}
	return out, nil
}

// commented is a store with one ticket that somebody comments.
func commented(t *testing.T) (*store, *desk.Desk, *stored) {
	t.Helper()
	s := &store{names: map[access.AccountID]string{me: "usher"}}
	return s, desk.New(s, desk.Config{}, "queue"), s.open(me)
}

func texts(comments []access.TicketComment) []string {
	var out []string
	for _, c := range comments {
		out = append(out, c.Text)
	}
	return out
}

func TestReadComments_newest_hundred(t *testing.T) {
	s, d, one := commented(t)
	const more = access.MaxTicketComments + storePage + 1
	for n := range more {
		s.say(one, "eve", fmt.Sprint(n))
	}
	got, err := d.ReadComments(t.Context(), one.ID, time.Time{})
	require.NoError(t, err)
	require.Len(t, got, access.MaxTicketComments)
	require.Equal(t, fmt.Sprint(more-access.MaxTicketComments), got[0].Text)
	require.Equal(t, fmt.Sprint(more-1), got[len(got)-1].Text)
}

func TestReadComments_edited(t *testing.T) {
	s, d, one := commented(t)
	s.say(one, "eve", "first")
	s.say(one, "eve", "second")
	one.public[0].At = one.public[1].At.Add(time.Second)
	s.say(one, me, "usher's own, which somebody has edited")
	one.public[2].By = "eve"
	got, err := d.ReadComments(t.Context(), one.ID, time.Time{})
	require.NoError(t, err)
	require.Equal(t, []string{"second", "first"}, texts(got), "an edit is as young as itself; a comment of usher's stays one")
	got, err = d.ReadComments(t.Context(), one.ID, one.public[0].At)
	require.NoError(t, err)
	require.Equal(t, []string{"first"}, texts(got))
}

// TestReadComments_unnamed: a comment that cannot be told from others, or has no place among them, is no comment.
func TestReadComments_unnamed(t *testing.T) {
	for _, spoil := range []func(*desk.PublicComment){
		func(c *desk.PublicComment) { c.ID = "" }, func(c *desk.PublicComment) { c.At = time.Time{} },
	} {
		s, d, one := commented(t)
		s.say(one, "eve", "first")
		spoil(&one.public[0])
		_, err := d.ReadComments(t.Context(), one.ID, time.Time{})
		requireKind(t, access.Transient, err)
	}
}

// shifting is a store in which somebody comments between two pages.
type shifting struct {
	*store
	ticket *stored
}

func (s shifting) PublicComments(ctx context.Context, op string, id access.TicketID, since time.Time, page string) (desk.PublicPage, error) {
	out, err := s.store.PublicComments(ctx, op, id, since, page)
	if page == "" {
		s.say(s.ticket, "eve", "in between")
	}
	return out, err
}

func TestReadComments_between_pages(t *testing.T) {
	s, _, one := commented(t)
	for n := range 2 * storePage {
		s.say(one, "eve", fmt.Sprint(n))
	}
	got, err := desk.New(shifting{s, one}, desk.Config{}, "queue").ReadComments(t.Context(), one.ID, time.Time{})
	require.NoError(t, err)
	require.Equal(t, []string{"0", "1", "2", "3", "4", "5"}, texts(got))
}

func (s *script) PublicComments(context.Context, string, access.TicketID, time.Time, string) (desk.PublicPage, error) {
	return desk.PublicPage{}, nil
}
