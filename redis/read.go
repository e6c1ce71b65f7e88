package redis

import (
	"context"
	"errors"
	"net"
	"slices"

	"github.com/redis/rueidis"

	"github.com/asof-dev/asof"
)

// rounds bounds how often keys are asked for again, where another server has
// them or a connection was lost.
const rounds = 5

// Read asks for everything in one batch of commands, one for each key, however
// many views share its hash, and one for the revision of the record.
func (o *Online) Read(ctx context.Context, project string, readings []*asof.Reading) error {
	for _, r := range readings {
		r.Reset()
	}
	if len(readings) == 0 {
		return nil
	}
	c, err := o.connect(ctx)
	if err != nil {
		return err
	}
	return o.fault("reading online features", o.read(ctx, c, project, readings))
}

func (o *Online) read(ctx context.Context, c rueidis.Client, project string, readings []*asof.Reading) error {
	known := o.known(project)
	b := o.batches.Get().(*batch)
	b.project = project
	b.prepare(readings, known)
	err := o.ask(ctx, c, b)
	if b.gone {
		return err // lines still hold the batch
	}
	revision, failed := string(b.revision), b.failed
	b.release()
	o.batches.Put(b)
	if err != nil {
		return err
	}
	if known == nil || !known.current(revision) {
		if known, err = o.load(ctx, c, project); err != nil {
			return err
		}
	}
	for _, r := range readings {
		if !known.has(r.View.Name) {
			return o.unknown(project, r.View.Name)
		}
	}
	return o.wrongType(failed.key, failed.err)
}

// ask sends the commands and takes the replies. What another server has, and
// what was lost with a connection, is asked for again.
func (o *Online) ask(ctx context.Context, c rueidis.Client, b *batch) error {
	where, err := o.route(ctx, c)
	if err != nil {
		return err
	}
	if err := b.putAll(where); err != nil {
		o.cluster.stale.Store(true)
		return err
	}
	for round := 1; ; round++ {
		if err := b.exchange(ctx); err != nil {
			return err
		}
		if err := o.collect(b, round == 1); err != nil || len(b.again) == 0 {
			return err
		}
		if round == rounds {
			return b.again[0].why
		}
		if slices.ContainsFunc(b.again, func(a again) bool { return !a.asking }) {
			o.cluster.stale.Store(true)
		}
		if where, err = o.route(ctx, c); err != nil {
			return err
		}
		b.used = 0
		for _, a := range b.again {
			if a.addr != "" {
				b.put(o.network.server(a.addr), a.place, a.asking)
			} else if err := b.putFor(where, a.place); err != nil {
				o.cluster.stale.Store(true)
				return err
			}
		}
		b.again = b.again[:0]
	}
}

// collect adds what was lost with a connection to what is asked for again. A
// connection that had worked may have been closed long ago; one that was new
// says how the server is, unless the client may name another by now. What took
// too long is not tried again.
func (o *Online) collect(b *batch, first bool) error {
	for _, q := range b.requests[:b.used] {
		if q.err == nil {
			continue
		}
		_, refused := errors.AsType[replyError](q.err)
		slow, _ := errors.AsType[net.Error](q.err)
		named := o.config.Kind == Cluster || o.config.Kind == Sentinel
		if !first || refused || slow != nil && slow.Timeout() || !q.old && !named || o.network.ctx.Err() != nil {
			return q.err
		}
		for _, p := range q.places[len(q.places)-q.left:] {
			if p.group != ofAsking {
				b.again = append(b.again, again{place: p, why: q.err})
			}
		}
	}
	return nil
}
