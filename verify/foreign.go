package verify

import (
	"bytes"
	"context"
	"slices"

	"github.com/asof-dev/asof"
)

// foreign finds the keys that only the store has: somebody else wrote them, or
// the source has lost them since.
func (c *comparison) foreign(ctx context.Context) error {
	store, ok := c.Online.(asof.KeyLister)
	if !ok {
		c.result.Notes = append(c.result.Notes, "this online store does not list its keys: those that the source does not have were not looked for")
		return nil
	}
	slices.Sort(c.seen)
	told := map[uint64]bool{} // the keys that the source does not have: a store may list one twice
	var unknown [][]byte
	err := store.Keys(ctx, c.Project, c.view, func(keys [][]byte) error {
		for _, key := range keys {
			h := hash(c.Seed, key)
			if _, known := slices.BinarySearch(c.seen, h); known || told[h] || h > c.sample {
				continue
			}
			told[h] = true
			if unknown = append(unknown, bytes.Clone(key)); len(unknown) == keysPerRead {
				if err := c.unknown(ctx, unknown); err != nil {
					return err
				}
				unknown = unknown[:0]
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.unknown(ctx, unknown)
}

// unknown judges keys of which the source has no row.
func (c *comparison) unknown(ctx context.Context, keys [][]byte) error {
	if len(keys) == 0 {
		return nil
	}
	if err := c.read(ctx, keys); err != nil {
		return err
	}
	for i := range keys {
		switch {
		case !c.online.Found[i]: // it went meanwhile, or nobody has it
		case c.online.Events[i] > c.at:
			c.count(i, false, judgement{ahead: true})
		default:
			c.count(i, false, judgement{cause: ForeignWrite, why: "the source has no row of this key"})
		}
	}
	return nil
}
