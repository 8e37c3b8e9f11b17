package servicenow

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzRow: every field of a record is a text, and every time is one of ServiceNow's or none.
func FuzzRow(f *testing.F) {
	for _, text := range []string{
		`{"sys_id":"a","opened_by":{"link":"x","value":"b"},"active":true,"n":1.5,"sys_updated_on":"2026-01-31 10:00:00"}`, `{"a":null}`, `{"a":[]}`, `[]`, `{"a":{"value":1}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var r row
		if json.Unmarshal(text, &r) != nil {
			return
		}
		for field := range r {
			if at := r.at(field); !at.IsZero() {
				again, err := time.ParseInLocation(time.DateTime, r.get(field), time.UTC)
				require.NoError(t, err)
				require.Equal(t, again, at)
			}
		}
	})
}
