package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"usher/internal/access"
)

// Watch returns how far the watch of a desk has come. For a desk that was never watched nothing but Desk is set. The times
// are UTC, in whole microseconds.
func (s *Store) Watch(ctx context.Context, desk access.DeskName) (access.WatchPosition, error) {
	view := access.WatchPosition{Desk: desk}
	if !usableKey(string(desk)) {
		return view, nil
	}
	var cursor, looked, swept, asked int64
	err := s.read.QueryRowContext(ctx, `SELECT cursor_us, polled_us, scanned_us, asked_us FROM watches WHERE desk = $1`,
		string(desk)).Scan(&cursor, &looked, &swept, &asked)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return view, nil
	case err != nil:
		return view, s.fail("read a watch from the ledger", err)
	}
	view.Cursor, view.LastPollAt, view.LastScanAt = fromMicros(cursor), fromMicros(looked), fromMicros(swept)
	view.AskedCursor = fromMicros(asked)
	return view, nil
}

func fromMicros(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// SaveWatch keeps how far the watch of a desk has come: of each of its times the latest that was saved, rounded down to the
// microsecond. An older save that comes late, and the zero time, change nothing. Safe to repeat. Invalid when Desk is empty or cannot be kept as an id (see Record).
func (s *Store) SaveWatch(ctx context.Context, w access.WatchPosition) error {
	const op = "keep a watch in the ledger"
	if w.Desk == "" {
		return access.Errorf(access.Invalid, op, "desk: is empty")
	}
	if problem := access.Limits().ID.Problem(string(w.Desk)); problem != "" {
		return access.Errorf(access.Invalid, op, "desk: %s", problem)
	}
	_, err := s.write.ExecContext(ctx, `
		INSERT INTO watches (desk, cursor_us, polled_us, scanned_us, asked_us) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (desk) DO UPDATE SET
			cursor_us = CASE WHEN excluded.cursor_us > watches.cursor_us THEN excluded.cursor_us ELSE watches.cursor_us END,
			polled_us = CASE WHEN excluded.polled_us > watches.polled_us THEN excluded.polled_us ELSE watches.polled_us END,
			scanned_us = CASE WHEN excluded.scanned_us > watches.scanned_us THEN excluded.scanned_us ELSE watches.scanned_us END,
			asked_us = CASE WHEN excluded.asked_us > watches.asked_us THEN excluded.asked_us ELSE watches.asked_us END
		WHERE excluded.cursor_us > watches.cursor_us OR excluded.polled_us > watches.polled_us
			OR excluded.scanned_us > watches.scanned_us OR excluded.asked_us > watches.asked_us`,
		string(w.Desk), w.Cursor.UnixMicro(), w.LastPollAt.UnixMicro(), w.LastScanAt.UnixMicro(), w.AskedCursor.UnixMicro())
	return s.fail(op, err)
}
