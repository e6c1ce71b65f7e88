package redis

import (
	"context"
	"strings"

	"github.com/redis/rueidis"
)

// call is a script to run on hashes, or, without one, fields to delete from a
// hash. It may be run again.
type call struct {
	script *script
	keys   []string
	args   []string
}

func (l call) command(c rueidis.Client) rueidis.Completed {
	if l.script == nil {
		return c.B().Hdel().Key(l.keys[0]).Field(l.args...).Build()
	}
	return c.B().Evalsha().Sha1(l.script.sha).Numkeys(int64(len(l.keys))).Key(l.keys...).Arg(l.args...).Build()
}

// run sends the calls in one go and returns the sum of their answers. A server
// that does not have a script (it was started anew, or joined a cluster) is
// given it. All calls are carried out, whichever fails.
func (o *Online) run(ctx context.Context, c rueidis.Client, calls []call) (sum int64, err error) {
	for again := false; len(calls) > 0; again = true {
		commands := make([]rueidis.Completed, len(calls))
		for i, l := range calls {
			commands[i] = l.command(c)
		}
		var missing []call
		for i, result := range c.DoMulti(ctx, commands...) {
			n, failed := result.ToInt64()
			server, ok := rueidis.IsRedisErr(failed)
			switch {
			case ok && server.IsNoScript() && !again:
				missing = append(missing, calls[i])
			case ok && strings.Contains(server.Error(), "WRONGTYPE") && calls[i].removes():
				// What is no hash has none of our fields.
			case failed != nil && err == nil:
				err = o.wrongType(calls[i].keys[0], failed)
			}
			sum += n
		}
		if len(missing) > 0 {
			if err := o.give(ctx, c, *missing[0].script); err != nil {
				return 0, err
			}
		}
		calls = missing
	}
	return sum, err
}

func (l call) removes() bool { return l.script != &putScript }

// give loads a script into every server.
func (o *Online) give(ctx context.Context, c rueidis.Client, s script) error {
	masters, err := o.masters(ctx, c)
	if err != nil {
		return err
	}
	for _, m := range masters {
		if err := m.Do(ctx, m.B().ScriptLoad().Script(s.text).Build()).Error(); err != nil {
			return err
		}
	}
	return nil
}
