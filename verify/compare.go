package verify

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/value"
)

// keysPerRead is how many keys are read online at once.
var keysPerRead = 10_000 // tests read fewer

// comparison is one view while it is compared.
type comparison struct {
	*Verifier
	view    *asof.FeatureView
	query   asof.ViewQuery
	result  *Result
	runs    []asof.Materialization // newest first
	at      int64                  // microseconds, like now and ttl
	now     int64
	ttl     int64 // 0: none
	unit    int64 // of the event times that the store keeps
	drop    bool
	encoder *value.Encoder
	numbers []int32  // of the features in the rows that encoder makes
	names   []string // of the join keys
	keys    *entitykey.Encoder

	waiting         []value.Row // to be compared
	offline, online asof.Reading
	seen            []uint64 // the hashes of the source's keys
	sample          uint64   // keys up to this hash are in the sample
}

func (v *Verifier) comparison(view *asof.FeatureView, r *Result, runs []asof.Materialization) (*comparison, error) {
	schema, err := value.ParseSchema("") // one of this comparison alone
	if err != nil {
		return nil, err
	}
	schema.Evolve(view)
	version := asof.KeyVersion(v.Online)
	c := &comparison{Verifier: v, view: view, result: r, runs: runs, at: r.At.UnixMicro(), now: v.now().UnixMicro(),
		ttl: int64(view.MaxAge() / time.Microsecond), unit: int64(asof.EventUnit(v.Online) / time.Microsecond), drop: v.DropExpired, numbers: schema.FeatureNumbers(view.Features), sample: everything}
	for _, k := range value.Keys(view) {
		c.names = append(c.names, k.Name)
	}
	if c.keys, err = entitykey.NewEncoder(version, c.names...); err != nil {
		return nil, err
	}
	c.offline = asof.Reading{View: view, Features: view.FeatureNames()}
	c.online = c.offline
	c.encoder, err = value.NewEncoder(view, version, schema)
	return c, err
}

// source compares the rows of the source.
func (c *comparison) source(ctx context.Context, q *asof.Latest) error {
	if c.Sample == 0 {
		if err := c.rows(ctx, q, c.add); err != nil {
			return err
		}
		return c.flush(ctx)
	}
	picked := &sampler{size: c.Sample, seed: c.Seed}
	if err := c.rows(ctx, q, picked.add); err != nil {
		return err
	}
	c.sample = picked.bound()
	slices.SortFunc(picked.rows, func(a, b hashedRow) int { return bytes.Compare(a.Key, b.Key) })
	for _, row := range picked.rows {
		if err := c.add(ctx, row.Row); err != nil {
			return err
		}
	}
	return c.flush(ctx)
}

// rows hands on the rows of the source, which are take's until it returns.
func (c *comparison) rows(ctx context.Context, q *asof.Latest, take func(context.Context, value.Row) error) error {
	reader, err := c.Offline.PullLatest(ctx, q)
	if err != nil {
		return err
	}
	defer reader.Release()
	read := int64(0)
	for reader.Next() {
		rows, err := c.encoder.Encode(reader.RecordBatch())
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := take(ctx, row); err != nil {
				return err
			}
		}
		read += int64(len(rows))
		c.Progress.Report("verify "+c.view.Name, read, 0)
	}
	return reader.Err()
}

// add compares a row, as soon as there are enough to read online.
func (c *comparison) add(ctx context.Context, row value.Row) error {
	c.waiting = append(c.waiting, row)
	c.seen = append(c.seen, hash(c.Seed, row.Key))
	if len(c.waiting) < keysPerRead {
		return nil
	}
	return c.flush(ctx)
}

func (c *comparison) flush(ctx context.Context) error {
	if len(c.waiting) == 0 {
		return nil
	}
	c.offline.Keys = c.offline.Keys[:0]
	for _, row := range c.waiting {
		c.offline.Keys = append(c.offline.Keys, row.Key)
	}
	c.offline.Reset()
	for i, row := range c.waiting {
		if err := value.Unpack(&c.offline, c.numbers, i, row.Event, row.Packed); err != nil {
			return err
		}
	}
	if err := c.read(ctx, c.offline.Keys); err != nil {
		return err
	}
	for i, row := range c.waiting {
		c.count(i, true, c.judge(row, i))
	}
	c.waiting = c.waiting[:0]
	return nil
}

func (c *comparison) read(ctx context.Context, keys [][]byte) error {
	c.online.Keys = keys
	return c.Online.Read(ctx, c.Project, []*asof.Reading{&c.online})
}

// count counts key i of the readings, and keeps a mismatch. The source has the
// key or not.
func (c *comparison) count(i int, sourced bool, j judgement) {
	r := c.result
	r.Keys++
	switch {
	case j.ahead:
		r.Ahead++
	case j.cause == "":
		r.Equal++
	default:
		r.Causes[j.cause]++
		if len(r.Mismatches) < c.Limit {
			r.Mismatches = append(r.Mismatches, c.mismatch(i, sourced, j))
		}
	}
}

func (c *comparison) mismatch(i int, sourced bool, j judgement) Mismatch {
	m := Mismatch{Key: c.key(c.online.Keys[i]), Cause: j.cause, Why: j.why}
	differs := j.differs
	if differs == nil {
		for f := range c.view.Features {
			differs = append(differs, f)
		}
	}
	for _, f := range differs {
		m.Features = append(m.Features, c.view.Features[f].Name)
	}
	if sourced {
		m.Offline = row(&c.offline, i, differs)
	}
	if j.nulls {
		for f := range m.Offline.Values {
			m.Offline.Values[f] = []byte("null")
		}
	}
	m.Online = row(&c.online, i, differs)
	return m
}

// row returns key i of a reading; nil where it has none.
func row(r *asof.Reading, i int, features []int) *Row {
	if !r.Found[i] {
		return nil
	}
	row := &Row{Event: time.UnixMicro(r.Events[i]).UTC()}
	for _, f := range features {
		row.Values = append(row.Values, value.AppendJSON(nil, r.Value(f, i), value.Plain))
	}
	return row
}

// key returns an entity key as names and values; one that cannot be read, as
// its bytes.
func (c *comparison) key(key []byte) []KeyValue {
	values, err := c.keys.Decode(nil, key)
	if err != nil {
		return []KeyValue{{"entity_key", strconv.QuoteToASCII(string(key))}}
	}
	var list []KeyValue
	for i, name := range c.names {
		text := values[i].Text()
		switch values[i].Type() {
		case asof.TypeInt32, asof.TypeInt64:
			text = strconv.FormatInt(values[i].Int(), 10)
		case asof.TypeUnixTimestamp:
			text = stamp(time.Unix(values[i].Int(), 0))
		}
		list = append(list, KeyValue{name, text})
	}
	return list
}
