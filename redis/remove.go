package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/rueidis"
	"golang.org/x/sync/errgroup"

	"github.com/asof-dev/asof/entitykey"
)

// keysPerScan is about how many keys one SCAN looks at, for which Redis does
// nothing else.
const keysPerScan = 1000

// removal is what has to go from the hashes of some join keys: single fields,
// or a view's whole row, of which the first field is the event time.
type removal struct {
	keys   []string // the join keys
	anyKey bool     // the join keys are not known
	row    bool
	fields []string
}

// remove looks once through the keys of each kind, and takes from each hash
// what has to go.
func (o *Online) remove(ctx context.Context, c rueidis.Client, project string, removals []removal) error {
	kinds := map[string][]removal{}
	for _, r := range removals {
		kind := fmt.Sprint(r.anyKey, r.keys)
		kinds[kind] = append(kinds[kind], r)
	}
	masters, err := o.masters(ctx, c)
	if err != nil {
		return err
	}
	for _, all := range kinds {
		pattern, match, err := o.matcher(project, all[0])
		if err != nil {
			return err
		}
		group, ctx := errgroup.WithContext(ctx)
		for _, master := range masters {
			group.Go(func() error {
				return scan(ctx, master, pattern, func(keys []string) error {
					return o.removeFrom(ctx, c, slices.DeleteFunc(keys, func(k string) bool { return !match(k) }), all)
				})
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// matcher returns a pattern of the keys of a removal in a project, and
// which of the keys that it finds are really such: another project's name may
// end in this one's.
func (o *Online) matcher(project string, r removal) (pattern string, match func(key string) bool, err error) {
	if r.anyKey {
		return "*" + globbed(project), func(key string) bool {
			entity, ok := strings.CutSuffix(key, project)
			_, _, err := entitykey.Decode([]byte(entity))
			return ok && err == nil
		}, nil
	}
	encoder, err := entitykey.NewEncoder(o.config.KeyVersion, r.keys...)
	if err != nil {
		return "", nil, err
	}
	return globbed(string(encoder.Prefix())) + "*" + globbed(project), func(key string) bool {
		entity, ok := strings.CutSuffix(key, project)
		if !ok {
			return false
		}
		_, err := encoder.Decode(nil, []byte(entity))
		return err == nil
	}, nil
}

// masters returns a client for each server that has keys of its own.
func (o *Online) masters(ctx context.Context, c rueidis.Client) ([]rueidis.Client, error) {
	if o.config.Kind != Cluster {
		return []rueidis.Client{c}, nil
	}
	var masters []rueidis.Client
	for _, node := range c.Nodes() {
		role, err := node.Do(ctx, node.B().Role().Build()).ToArray()
		if err != nil {
			return nil, err
		}
		if name, _ := role[0].ToString(); name == "master" {
			masters = append(masters, node)
		}
	}
	return masters, nil
}

// scan gives do the keys of a server that match, some at a time. One that is
// there all the while comes at least once.
func scan(ctx context.Context, c rueidis.Client, pattern string, do func(keys []string) error) error {
	for cursor := uint64(0); ; {
		found, err := c.Do(ctx, c.B().Scan().Cursor(cursor).Match(pattern).Count(keysPerScan).Build()).AsScanEntry()
		if err != nil {
			return err
		}
		if err := do(found.Elements); err != nil {
			return err
		}
		if cursor = found.Cursor; cursor == 0 {
			return nil
		}
	}
}

func (o *Online) removeFrom(ctx context.Context, c rueidis.Client, keys []string, removals []removal) error {
	var calls []call
	for _, key := range keys {
		for _, r := range removals {
			calls = append(calls, r.call(key))
		}
	}
	_, err := o.run(ctx, c, calls)
	return err
}

func (r removal) call(key string) call {
	if r.row {
		return call{script: &removeScript, keys: []string{key}, args: r.fields}
	}
	return call{keys: []string{key}, args: r.fields}
}
