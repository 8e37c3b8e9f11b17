package desk_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desk"
)

// What a user loses: an error that names the key. Values that say nothing are taken as values, and a desk that requires the field refuses each
// ticket later.
func TestAttackApprovals_opening_fields_without_a_value(t *testing.T) {
	for _, value := range []any{" ", "\n", []any{}, map[string]any{}, []any{nil}} {
		t.Run(fmt.Sprintf("%q", value), func(t *testing.T) {
			require.ErrorContains(t, desk.Config{OpeningFields: map[string]any{"a": value}}.Validate(), "opening_fields.a: expected a value")
		})
	}
	t.Run("no field", func(t *testing.T) {
		require.ErrorContains(t, desk.Config{OpeningFields: map[string]any{"": "x"}}.Validate(), "opening_fields")
	})
}
