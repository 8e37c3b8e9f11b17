package desktest_test

import (
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// after is so many minutes after noon.
func after(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// put puts a ticket that changed at a minute and is seen at another.
func put(v *desktest.View, id int64, ticket string, updated, visible int, labels ...string) {
	v.Put(&desktest.Ticket{Seq: id, Summary: ticket, Labels: labels, Updated: after(updated)}, after(visible), after(updated))
}

func tickets(entries iter.Seq[*desktest.Entry]) []string {
	var out []string
	for e := range entries {
		out = append(out, e.Now.Summary)
	}
	return out
}

func seen(v *desktest.View, id int64, minute int) string {
	ticket, _ := v.Entry(id).Seen(after(minute))
	return ticket.Summary
}

func TestLag(t *testing.T) {
	v := desktest.NewView()
	put(v, 1, "new", 0, 5)
	_, found := v.Entry(1).Seen(after(4))
	require.False(t, found)
	require.Equal(t, "new", v.Entry(1).Now.Summary)
	require.Equal(t, "new", seen(v, 1, 5))
	put(v, 1, "changed", 6, 20)
	put(v, 1, "changed again", 7, 21)
	require.Equal(t, "new", seen(v, 1, 19))
	require.Equal(t, "changed", seen(v, 1, 20))
	require.Equal(t, "changed again", seen(v, 1, 21))
	v.ShowBy(after(10))
	require.Equal(t, "changed again", seen(v, 1, 10), "a shorter lag applies to earlier changes")
	v.ShowBy(after(30))
	require.Equal(t, "changed again", seen(v, 1, 10), "a longer one does not")
	require.Nil(t, v.Entry(2))
}

func TestHooks_every_order(t *testing.T) {
	v := desktest.NewView()
	put(v, 3, "c", 1, 1)
	put(v, 1, "a", 2, 2)
	put(v, 2, "b", 3, 3)
	put(v, 3, "c later", 4, 4)
	put(v, 2, "b with an older time", 0, 4)
	require.Equal(t, 3, v.Len())
	require.Equal(t, []string{"a", "b with an older time", "c later"}, tickets(v.Oldest()))
	require.Equal(t, []string{"c later", "b with an older time", "a"}, tickets(v.Newest()))
	require.Equal(t, []string{"a", "b with an older time", "c later"}, tickets(v.Recent()))
	require.Equal(t, []string{"c later", "b with an older time"}, tickets(slices.Values(v.Since(after(3)))))
	for _, all := range []iter.Seq[*desktest.Entry]{v.Oldest(), v.Newest(), v.Recent()} {
		for range all {
			break
		}
	}
}

func TestLabels(t *testing.T) {
	v := desktest.NewView()
	put(v, 1, "a", 0, 0, "Usher", "x")
	put(v, 2, "b", 1, 1, "usher")
	put(v, 1, "a without", 2, 2)
	require.Len(t, v.Labelled("USHER"), 2)
	require.Len(t, v.Labelled("usher", "x"), 2, "each comes once")
	require.Equal(t, 3, v.CountLabelled("usher", "x"))
	require.Empty(t, v.Labelled("nothing"))
	require.Zero(t, v.CountLabelled("nothing"))
}
