package redis

import (
	"cmp"
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/redis/rueidis"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

const (
	// rowsPerCall and sizePerCall bound what one script writes: Redis does
	// nothing else meanwhile. More rows are hardly faster.
	rowsPerCall = 16
	sizePerCall = 64 << 10
	// callsPerBatch and sizePerBatch bound what is sent in one go, and
	// batchesAtOnce how many of those are under way, so that Redis never waits
	// for us. All of that has to be done before the time for an answer is over,
	// on a slow server and of wide rows too.
	callsPerBatch = 64
	sizePerBatch  = 1 << 20
	// fieldSize is how many bytes of values a field counts as: to set one takes
	// Redis about as long.
	fieldSize     = 64
	batchesAtOnce = 3
)

// Write writes the batch newest-wins.
func (o *Online) Write(ctx context.Context, project string, view *asof.FeatureView, rows arrow.RecordBatch) (int64, error) {
	doing := "writing features of " + view.Name
	c, encoder, schema, err := o.encoder(ctx, project, view)
	if err != nil {
		return 0, o.fault(doing, err)
	}
	encoded, err := encoder.Encode(rows)
	if err != nil {
		return 0, err
	}
	written, err := o.put(ctx, c, project, view, schema, encoded, false)
	return written, o.fault(doing, err)
}

// Restore removes rows, then puts others in place of whatever is there.
func (o *Online) Restore(ctx context.Context, project string, view *asof.FeatureView, set, remove arrow.RecordBatch) error {
	doing := "restoring features of " + view.Name
	c, encoder, schema, err := o.encoder(ctx, project, view)
	if err != nil {
		return o.fault(doing, err)
	}
	var rows []value.Row
	if set != nil {
		if rows, err = encoder.Encode(set); err != nil {
			return err
		}
	}
	if remove != nil {
		keys, err := encoder.EncodeKeys(remove)
		if err != nil {
			return err
		}
		if err := o.removeKeys(ctx, c, project, view, keys); err != nil {
			return o.fault(doing, err)
		}
	}
	_, err = o.put(ctx, c, project, view, schema, rows, true)
	return o.fault(doing, err)
}

// encoder returns what makes rows of a view that has a place in the store.
func (o *Online) encoder(ctx context.Context, project string, view *asof.FeatureView) (rueidis.Client, *value.Encoder, *value.Schema, error) {
	c, err := o.connect(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	r, err := o.current(ctx, c, project)
	if err != nil {
		return nil, nil, nil, err
	}
	known := r.find(view)
	if known == nil {
		return nil, nil, nil, o.unknown(project, view.Name)
	}
	encoder, err := value.NewEncoder(view, o.config.KeyVersion, known.Schema)
	return c, encoder, known.Schema, err
}

func (o *Online) removeKeys(ctx context.Context, c rueidis.Client, project string, view *asof.FeatureView, keys [][]byte) error {
	gone := removal{row: true, fields: append([]string{timeField(view.Name)}, valueFields(view.Name, view.FeatureNames())...)}
	var calls []call
	for i, key := range keys {
		calls = append(calls, gone.call(string(key)+project))
		if len(calls) == callsPerBatch || i == len(keys)-1 {
			if _, err := o.run(ctx, c, calls); err != nil {
				return err
			}
			calls = calls[:0]
		}
	}
	return nil
}

// put writes rows, each key of which is there once, and returns how many took
// effect.
func (o *Online) put(ctx context.Context, c rueidis.Client, project string, view *asof.FeatureView, schema *value.Schema, rows []value.Row, force bool) (int64, error) {
	p := newPutter(o.config, project, view, schema, force)
	group, sending := errgroup.WithContext(ctx)
	group.SetLimit(batchesAtOnce)
	var written atomic.Int64
	for len(rows) > 0 && sending.Err() == nil {
		var calls []call
		calls, rows = p.calls(rows)
		group.Go(func() error {
			n, err := o.run(sending, c, calls)
			written.Add(n)
			return err
		})
	}
	if err := cmp.Or(group.Wait(), ctx.Err()); err != nil {
		return 0, err
	}
	return written.Load(), nil
}

// putter makes the calls that write rows of one view.
type putter struct {
	project string
	head    []string // the arguments before the rows
	time    string
	fields  []string
	nulls   []string // by field
	numbers []int32
	single  bool // one key a call: in a cluster each may be on another server
}

func newPutter(config Config, project string, view *asof.FeatureView, schema *value.Schema, force bool) *putter {
	mode := "0"
	if force {
		mode = "1"
	}
	names := view.FeatureNames()
	nulls := make([]string, len(names))
	for i, f := range view.Features {
		nulls[i] = nullOf(f.Type)
	}
	return &putter{project: project, time: timeField(view.Name), fields: valueFields(view.Name, names), nulls: nulls, numbers: schema.Numbers(names), single: config.Kind == Cluster,
		head: []string{mode, strconv.Itoa(int(config.KeyTTL / time.Second)), strconv.Itoa(1 + len(names))}}
}

// calls makes the next calls, and returns the rows that are left.
func (p *putter) calls(rows []value.Row) ([]call, []value.Row) {
	calls := make([]call, 0, callsPerBatch)
	for size := 0; len(rows) > 0 && len(calls) < callsPerBatch && size < sizePerBatch; {
		n, more := p.fit(rows)
		calls = append(calls, p.call(rows[:n]))
		rows, size = rows[n:], size+more
	}
	return calls, rows
}

// fit is how many of the rows go into one call, and their size.
func (p *putter) fit(rows []value.Row) (n, size int) {
	most := rowsPerCall
	if p.single {
		most = 1
	}
	for n < min(len(rows), most) {
		more := len(rows[n].Packed) + fieldSize*(1+len(p.fields))
		if n > 0 && size+more > sizePerCall {
			break
		}
		n, size = n+1, size+more
	}
	return n, size
}

func (p *putter) call(rows []value.Row) call {
	l := call{script: &putScript, keys: make([]string, 0, len(rows)), args: make([]string, 0, len(p.head)+len(rows)*2*(1+len(p.fields)))}
	l.args = append(l.args, p.head...)
	times := make([]byte, 0, 20*len(rows)) // enough, so that it does not move
	for _, row := range rows {
		l.keys = append(l.keys, string(row.Key)+p.project)
		start := len(times)
		times = appendTimestamp(times, row.Event)
		l.args = append(l.args, p.time, rueidis.BinaryString(times[start:]))
		l.args = p.appendValues(l.args, row.Packed)
	}
	return l
}

// appendValues appends the fields and values of a packed row, which has them in
// the view's order and leaves out nulls.
func (p *putter) appendValues(dst []string, packed []byte) []string {
	for i, field := range p.fields {
		value := p.nulls[i]
		if number, _, n := protowire.ConsumeTag(packed); n > 0 && int32(number) == p.numbers[i] {
			v, m := protowire.ConsumeBytes(packed[n:])
			value, packed = rueidis.BinaryString(v), packed[n+m:]
		}
		dst = append(dst, field, value)
	}
	return dst
}
