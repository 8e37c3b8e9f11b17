package intake_test

import (
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
		"nothing":            {"Please give me access to the wiki", "Access", "Missing"},
		"an empty access":    {"Access:", "Access", "Missing"},
		"no duration":        {"Access: a/b\nDuration: a month", "Duration", `Found "a month", expected how long`},
		"several subjects":   {"Access: a/b\nFor: ana\nFor: ben", "For", "expected one person"},
		"an endless subject": {"Access: a/b\nFor: " + strings.Repeat("x", 400), "For", "expected one person"},
	} {
		t.Run(name, func(t *testing.T) {
			_, findings := intake.Read(access.AskedTicket{Text: row.text})
			require.Len(t, findings, 1)
			require.Equal(t, row.field, findings[0].Field)
			require.Contains(t, findings[0].Problem, row.says)
		})
	}
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
