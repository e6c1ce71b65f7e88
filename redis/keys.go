package redis

import (
	"context"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/asof-dev/asof"
)

var _ asof.KeyLister = (*Online)(nil)

// Keys lists the keys of a view. It looks through all keys of each server, a
// bounded number at a time; a key that Redis moves meanwhile may come twice.
func (o *Online) Keys(ctx context.Context, project string, view *asof.FeatureView, each func(keys [][]byte) error) error {
	doing := "listing the keys of " + view.Name
	c, err := o.connect(ctx)
	if err != nil {
		return err
	}
	r, err := o.current(ctx, c, project)
	if err != nil {
		return o.fault(doing, err)
	}
	known := r.find(view)
	if known == nil {
		return o.unknown(project, view.Name)
	}
	masters, err := o.masters(ctx, c)
	if err != nil {
		return o.fault(doing, err)
	}
	pattern, match, err := o.matcher(project, removal{keys: known.joinKeys()})
	if err != nil {
		return err
	}
	var stopped error // by each, whose error is not of Redis
	for _, master := range masters {
		err := scan(ctx, master, pattern, func(keys []string) error {
			held, err := holding(ctx, c, slices.DeleteFunc(keys, func(k string) bool { return !match(k) }), known.time)
			if err != nil || len(held) == 0 {
				return err
			}
			entities := make([][]byte, len(held))
			for i, key := range held {
				entities[i] = []byte(strings.TrimSuffix(key, project))
			}
			stopped = each(entities)
			return stopped
		})
		if stopped != nil {
			return stopped
		}
		if err != nil {
			return o.fault(doing, err)
		}
	}
	return nil
}

// holding returns those of the keys whose hash has the field. What is no hash,
// or has gone, has none.
func holding(ctx context.Context, c rueidis.Client, keys []string, field string) (held []string, err error) {
	commands := make([]rueidis.Completed, len(keys))
	for i, key := range keys {
		commands[i] = c.B().Hexists().Key(key).Field(field).Build()
	}
	for i, result := range c.DoMulti(ctx, commands...) {
		there, err := result.AsBool()
		if message, ok := serverMessage(err); ok && strings.Contains(message, "WRONGTYPE") {
			continue
		}
		if err != nil {
			return nil, err
		}
		if there {
			held = append(held, keys[i])
		}
	}
	return held, nil
}
