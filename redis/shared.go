package redis

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// sharedRevision begins the revision of a project's record where Feast had
// filled the project before Update saw it: its SDK may go on writing, and fills
// views that Update has not seen.
const sharedRevision = "shared-"

// lookFor bounds how long Feast's rows are looked for. Where there are some, the
// first look at the keys nearly always finds one.
const lookFor = time.Second

// beginsVersion2 is how every entity key of version 2 begins, which cannot be
// decoded without its join keys: a name follows.
const beginsVersion2 = "\x02\x00\x00\x00"

// filled reports whether a project that has no record has rows: they are
// Feast's, whose SDK keeps none. A user who may not look at all keys is told
// that there are none.
func (o *Online) filled(ctx context.Context, c rueidis.Client, project string) (bool, error) {
	looking, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	pattern, match, err := o.matcher(project, removal{anyKey: true})
	if err != nil {
		return false, err
	}
	if o.config.KeyVersion == 2 {
		match = func(key string) bool { return strings.HasPrefix(key, beginsVersion2) }
	}
	masters, err := o.masters(looking, c)
	errFound := errors.New("found")
	for i := 0; i < len(masters) && err == nil; i++ {
		err = scan(looking, masters[i], pattern, func(keys []string) error {
			if slices.ContainsFunc(keys, match) {
				return errFound
			}
			return nil
		})
	}
	message, _ := serverMessage(err)
	switch {
	case err == errFound:
		return true, nil
	case strings.Contains(message, "NOPERM"), looking.Err() != nil && ctx.Err() == nil:
		return false, nil
	}
	return false, err
}
