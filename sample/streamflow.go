package sample

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/asof-dev/asof"
)

// The largest sizes that folder names and user ids are made for.
const (
	maxMonths = 1000
	maxUsers  = 100_000_000
)

// Options says how much data to make. Its zero value makes StreamFlow as it
// is: 7,043 users, January and February 2024.
type Options struct {
	Users  int       // default 7043
	Months int       // default 2
	Seed   uint64    // another seed, other users
	First  time.Time // any time in the first month; default January 2024
}

func (o Options) withDefaults() (Options, error) {
	if o.Users == 0 {
		o.Users = 7043
	}
	if o.Months == 0 {
		o.Months = 2
	}
	if o.First.IsZero() {
		o.First = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.Users < 1 || o.Users > maxUsers {
		return o, asof.Errorf(asof.CodeInvalid, "cannot make %d users: ask for 1 to %d", o.Users, maxUsers)
	}
	if o.Months < 1 || o.Months > maxMonths {
		return o, asof.Errorf(asof.CodeInvalid, "cannot make %d months: ask for 1 to %d", o.Months, maxMonths)
	}
	return o, nil
}

// Month is a month that was made.
type Month struct {
	Name string    // of its folder: month_000, month_001, …
	Dir  string    // the folder, with the six files
	AsOf time.Time // the month's last day, midnight UTC
}

// StreamFlow writes months of StreamFlow into dir, a folder for each, and
// creates dir where it does not exist. It refuses, with CodeConflict, a dir
// that holds anything. Where it fails, the months are removed again.
//
// Each month has the same users, of whom 3413-BMNZE is one, and the same
// subscriptions; usage, payments, support and labels differ. Of 7,043 users
// 1,526 have no internet service, and those have empty cells in plan_stream_tv
// and plan_stream_movies; other sizes keep the shares.
func StreamFlow(ctx context.Context, dir string, o Options) ([]Month, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, asof.Errorf(asof.CodeInvalid, "cannot write sample data: %w", err)
	}
	if len(entries) > 0 {
		return nil, asof.Errorf(asof.CodeConflict, "%s is not empty: name a new folder for the sample data, or empty this one", dir)
	}

	g := newGenerator(o)
	months := make([]Month, 0, o.Months)
	for m := range o.Months {
		// Day 0 is the last day of the month before.
		asOf := time.Date(o.First.Year(), o.First.Month()+time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC)
		name := fmt.Sprintf("month_%03d", m)
		months = append(months, Month{Name: name, Dir: filepath.Join(dir, name), AsOf: asOf})
		if err := writeMonth(ctx, g, months[m].Dir, m); err != nil {
			for _, made := range months {
				_ = os.RemoveAll(made.Dir)
			}
			return nil, fmt.Errorf("cannot write sample data: %w", err)
		}
	}
	return months, nil
}
