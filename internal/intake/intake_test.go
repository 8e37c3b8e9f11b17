package intake_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/intake"
)

func item(id, entitlement string, duration access.Duration) access.Item {
	return access.Item{ID: access.ItemID(id), Entitlement: access.EntitlementID(entitlement), Duration: duration}
}

func TestRead_what_is_asked_for(t *testing.T) {
	month, err := access.ParseDuration("30d")
	require.NoError(t, err)
	for name, row := range map[string]struct {
		ticket access.AskedTicket
		want   intake.Draft
	}{
		"lines of the text": {
			access.AskedTicket{Summary: "Wiki", Text: "Hello,\n\nAccess: wiki/editor\nFor: Ana@Example.com\nDuration: 30d\nReason: I write\nthe notes.\n\nBest, Ana"},
			intake.Draft{
				Subject: access.PersonQuery{ID: "Ana@Example.com", UserName: "Ana@Example.com", Email: "Ana@Example.com"},
				Items:   []access.Item{item("1", "wiki/editor", month)}, Reason: "I write\nthe notes.",
			},
		},
		"markup, another case, line ends of another system": {
			access.AskedTicket{Text: "- *ACCESS:* wiki/editor\r\n*For* : ana \r\n_reason_: it is needed"},
			intake.Draft{
				Subject: access.PersonQuery{ID: "ana", UserName: "ana"},
				Items:   []access.Item{item("1", "wiki/editor", 0)}, Reason: "it is needed",
			},
		},
		"several, each once": {
			access.AskedTicket{Summary: "Why", Text: "access: a/b, a/c;a/b\naccess: a/d"},
			intake.Draft{Items: []access.Item{item("1", "a/b", 0), item("2", "a/c", 0), item("3", "a/d", 0)}, Reason: "Why"},
		},
		"fields before the text": {
			access.AskedTicket{
				Summary: "Why", Text: "access: a/b\nduration: 8h",
				Values: map[access.AskedField]string{access.AskedAccess: "a/c", access.AskedDuration: " 30d\n", access.AskedReason: "  "},
			},
			intake.Draft{Items: []access.Item{item("1", "a/c", month)}, Reason: "Why"},
		},
		"given back": {
			access.AskedTicket{Summary: "Thanks", Text: "*Give back*: a/b, a/c; a/b\nAccess:"},
			intake.Draft{GiveBack: []access.EntitlementID{"a/b", "a/c"}, Reason: "Thanks"},
		},
		"filed for somebody, whom only a field names": {
			access.AskedTicket{
				Filed: true, Summary: "Why", Text: "Access: a/b\nRequester: boss",
				Values: map[access.AskedField]string{access.AskedRequester: "ana"},
			},
			intake.Draft{
				Requester: access.PersonQuery{ID: "ana", UserName: "ana"}, Items: []access.Item{item("1", "a/b", 0)}, Reason: "Why",
			},
		},
		"nobody files for others, so the field says nothing": {
			access.AskedTicket{Summary: "Why", Text: "Access: a/b", Values: map[access.AskedField]string{access.AskedRequester: "boss"}},
			intake.Draft{Items: []access.Item{item("1", "a/b", 0)}, Reason: "Why"},
		},
		"characters that no ledger takes": {
			access.AskedTicket{Summary: "Why\x00 not", Text: "access: a/\x07b"},
			intake.Draft{Items: []access.Item{item("1", "a/b", 0)}, Reason: "Why not"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, findings := intake.Read(row.ticket)
			require.Empty(t, findings)
			require.Equal(t, row.want, got)
		})
	}
}

func TestRead_findings(t *testing.T) {
	for name, row := range map[string]struct{ text, field, says string }{
		"nothing":                {"Please give me access to the wiki", "Access", "Missing"},
		"an empty access":        {"Access:", "Access", "Missing"},
		"no duration":            {"Access: a/b\nDuration: a month", "Duration", `Found "a month", expected how long`},
		"no duration, no access": {"Duration: a month", "Duration,Access", `Found "a month"`},
		"both":                   {"Access: a/b\nGive back: a/c", "Give back", "expected a ticket for each"},
		"several subjects":       {"Access: a/b\nFor: ana\nFor: ben", "For", "expected one person"},
		"an endless subject":     {"Access: a/b\nFor: " + strings.Repeat("x", 400), "For", "expected one person"},
	} {
		t.Run(name, func(t *testing.T) {
			_, findings := intake.Read(access.AskedTicket{Text: row.text})
			var fields []string
			for _, f := range findings {
				fields = append(fields, f.Field)
			}
			require.Equal(t, row.field, strings.Join(fields, ","))
			require.Contains(t, findings[0].Problem, row.says)
		})
	}
}

// TestRead_unreadable: a field that cannot be read is no empty one, and is named once.
func TestRead_unreadable(t *testing.T) {
	_, findings := intake.Read(access.AskedTicket{Text: "For: ana", Unreadable: []access.AskedField{access.AskedAccess}})
	require.Len(t, findings, 1)
	require.Equal(t, "Access", findings[0].Field)
	require.Contains(t, findings[0].Problem, "cannot read")
}

// TestRead_filed: a ticket that was filed for somebody names that person in the field, whatever the text says.
func TestRead_filed(t *testing.T) {
	for name, row := range map[string]struct {
		ticket access.AskedTicket
		says   string
	}{
		"no field": {access.AskedTicket{Filed: true, Text: "Access: a/b\nRequester: boss"}, "Missing. This ticket was filed for somebody"},
		"unreadable": {
			access.AskedTicket{Filed: true, Text: "Access: a/b", Unreadable: []access.AskedField{access.AskedRequester}}, "cannot read",
		},
		"no person": {
			access.AskedTicket{
				Filed: true, Text: "Access: a/b",
				Values: map[access.AskedField]string{access.AskedRequester: strings.Repeat("x", 400)},
			}, "expected one person",
		},
	} {
		t.Run(name, func(t *testing.T) {
			draft, findings := intake.Read(row.ticket)
			require.Len(t, findings, 1)
			require.Equal(t, "Requester", findings[0].Field)
			require.Contains(t, findings[0].Problem, row.says)
			require.Zero(t, draft.Requester)
		})
	}
}

// TestRead_many: of a list without end no more is kept than policy needs to refuse it.
func TestRead_many(t *testing.T) {
	var text strings.Builder
	for n := range 5000 {
		fmt.Fprintf(&text, "Access: a/%d\n", n)
	}
	draft, findings := intake.Read(access.AskedTicket{Text: text.String()})
	require.Empty(t, findings)
	require.Len(t, draft.Items, access.Limits().Items+1)
}

// FuzzRead: whatever a ticket says, reading ends, and what it returns can be kept.
func FuzzRead(f *testing.F) {
	f.Add("s", "Access: a/b\nFor: ana\nDuration: 3d\nReason: x")
	f.Fuzz(func(t *testing.T, summary, text string) {
		draft, findings := intake.Read(access.AskedTicket{Summary: summary, Text: text})
		again, _ := intake.Read(access.AskedTicket{Summary: summary, Text: text})
		require.Equal(t, draft, again)
		if len(draft.Items) == 0 {
			require.NotEmpty(t, findings)
		}
	})
}
