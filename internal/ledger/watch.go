package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"usher/internal/access"
)

// Watch gives how far the watch of a desk has come. For a desk that was never watched nothing but Desk is set. The times
// are UTC, in whole microseconds.
func (s *Store) Watch(ctx context.Context, desk access.DeskName) (access.WatchView, error) {
	view := access.WatchView{Desk: desk}
	if !usableKey(string(desk)) {
		return view, nil
	}
	var cursor, looked, swept int64
	err := s.read.QueryRowContext(ctx, `SELECT cursor_us, looked_us, swept_us FROM watches WHERE desk = $1`,
		string(desk)).Scan(&cursor, &looked, &swept)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return view, nil
	case err != nil:
		return view, s.fail("read a watch from the ledger", err)
	}
	view.Cursor, view.LookedAt, view.SweptAt = fromMicros(cursor), fromMicros(looked), fromMicros(swept)
	return view, nil
}

func fromMicros(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// SaveWatch keeps how far the watch of a desk has come. Cursor, LookedAt and SweptAt each keep the latest time that was
// saved, rounded down to the microsecond: an older save that comes late, and the zero time, change nothing. Safe to
// repeat. Invalid when Desk is empty or cannot be kept as an id (see Record).
func (s *Store) SaveWatch(ctx context.Context, w access.WatchView) error {
	const op = "keep a watch in the ledger"
	if w.Desk == "" {
		return access.Errorf(access.Invalid, op, "desk: is empty")
	}
	if problem := access.Limits().ID.Problem(string(w.Desk)); problem != "" {
		return access.Errorf(access.Invalid, op, "desk: %s", problem)
	}
	_, err := s.write.ExecContext(ctx, `
		INSERT INTO watches (desk, cursor_us, looked_us, swept_us) VALUES ($1, $2, $3, $4)
		ON CONFLICT (desk) DO UPDATE SET
			cursor_us = CASE WHEN excluded.cursor_us > watches.cursor_us THEN excluded.cursor_us ELSE watches.cursor_us END,
			looked_us = CASE WHEN excluded.looked_us > watches.looked_us THEN excluded.looked_us ELSE watches.looked_us END,
			swept_us = CASE WHEN excluded.swept_us > watches.swept_us THEN excluded.swept_us ELSE watches.swept_us END
		WHERE excluded.cursor_us > watches.cursor_us OR excluded.looked_us > watches.looked_us
			OR excluded.swept_us > watches.swept_us`,
		string(w.Desk), w.Cursor.UnixMicro(), w.LookedAt.UnixMicro(), w.SweptAt.UnixMicro())
	return s.fail(op, err)
}
