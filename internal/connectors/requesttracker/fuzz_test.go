package requesttracker

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzAnswer: whatever RT writes is read or refused, and a ticket that another one names is a number.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{
		`{"items":[{"id":1,"Owner":{"id":"ana"},"Creator":"","CustomFields":[{"name":"a","values":["b",1]}],"_hyperlinks":[{"ref":"depends-on","type":"ticket","id":7}]}],"pages":1}`,
		`{"id":"1","Disabled":0,"CustomFields":""}`, `{"items":null}`, `[]`, `{"items":[{}],"pages":null}`, `{"id":1e400}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var tickets list[ticket]
		if json.Unmarshal(text, &tickets) == nil {
			tickets.missing()
			tickets.more(1)
			for _, one := range tickets.Items {
				for _, id := range linkedBy(one.Links, "depends-on") {
					require.Regexp(t, ticketNumber, string(id))
				}
			}
		}
		var transactions list[transaction]
		if json.Unmarshal(text, &transactions) == nil {
			transactions.missing()
		}
		var user userRecord
		if json.Unmarshal(text, &user) == nil {
			user.own()
			user.administered()
			userField{name: "a", custom: true}.of(user)
		}
	})
}
