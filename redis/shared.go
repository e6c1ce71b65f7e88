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

const (
	// lookFor bounds how long Feast's rows are looked for. Where there are some,
	// the first look at the keys nearly always finds one.
	lookFor = time.Second
	// lookAgain is when they are looked for again; a look that took long is not
	// repeated for ten times as long.
	lookAgain = time.Second
)

// beginsVersion2 is how every entity key of version 2 begins, which cannot be
// decoded without its join keys: a name follows.
const beginsVersion2 = "\x02\x00\x00\x00"

// lookForRows returns the record of a project that has none. One caller at a time
// looks for rows, which reads all keys where there are none; the others wait for
// what it finds.
func (o *Online) lookForRows(ctx context.Context, c rueidis.Client, project string) (*record, error) {
	o.looking.Lock()
	defer o.looking.Unlock()
	if r := o.known(project); r != nil && r.current("") {
		return r, nil
	}
	began := time.Now()
	shared, err := o.filled(ctx, c, project)
	if err != nil {
		return nil, err
	}
	took := time.Since(began)
	r := &record{shared: shared, until: began.Add(took + max(lookAgain, 10*took)), views: map[string]*view{}, width: map[string]int{}}
	o.records.Store(project, r)
	return r, nil
}

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
