package sqlview

import (
	"context"

	"usher/internal/access"
)

// Close ends the connections of a source.
func Close(s *Source) error { return s.pool.Close() }

// Plan returns how the server looks an id up, without reading the whole view where it can.
func Plan(ctx context.Context, s *Source, id access.PersonID) (string, error) {
	plan := ""
	err := s.read(ctx, "plan", func(ctx context.Context, v *view) error {
		if _, err := v.tx.ExecContext(ctx, "set local enable_seqscan = off"); err != nil {
			return err
		}
		rows, err := v.tx.QueryContext(ctx, "explain select * from "+s.view+" "+v.byID(), string(id))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				return err
			}
			plan += line + "\n"
		}
		return rows.Err()
	})
	return plan, err
}

// Texts is texts, for tests.
var Texts = texts
