package sqlite

import (
	"context"
	"time"
)

// Impatient makes the store wait for other processes no longer than d. It has
// to be called before the store is used.
func (o *Online) Impatient(d time.Duration) { o.busy = d }

// FillDisk lets the file grow no further, as a full disk does.
func (o *Online) FillDisk(ctx context.Context) error {
	db, err := o.writer(ctx)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "PRAGMA max_page_count = 1")
	return err
}
