package materialize

import (
	"context"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// rowsPerWrite is about how many rows one write carries: engines hand out small
// batches, online stores want big ones.
const rowsPerWrite = 100_000

// batches hands the answer to a query on in batches of that size; a batch is
// the receiver's until it returns.
func (m *Materializer) batches(ctx context.Context, q *asof.Latest, do func(arrow.RecordBatch) error) error {
	reader, err := m.Offline.PullLatest(ctx, q)
	if err != nil {
		return err
	}
	defer reader.Release()
	var parts []arrow.RecordBatch
	defer func() { releaseAll(parts) }()
	rows := int64(0)
	flush := func() error {
		if rows == 0 {
			return nil
		}
		whole, err := concat(parts)
		releaseAll(parts)
		parts, rows = nil, 0
		if err != nil {
			return err
		}
		defer whole.Release()
		return do(whole)
	}
	for reader.Next() {
		part := reader.RecordBatch()
		part.Retain()
		parts = append(parts, part)
		if rows += part.NumRows(); rows >= rowsPerWrite {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := reader.Err(); err != nil {
		return err
	}
	return flush()
}

// all returns the whole answer to a query as one batch; nil where it is empty.
func (m *Materializer) all(ctx context.Context, q *asof.Latest) (arrow.RecordBatch, error) {
	var parts []arrow.RecordBatch
	defer func() { releaseAll(parts) }()
	err := m.batches(ctx, q, func(rows arrow.RecordBatch) error {
		rows.Retain()
		parts = append(parts, rows)
		return nil
	})
	if err != nil || len(parts) == 0 {
		return nil, err
	}
	return concat(parts)
}

// concat makes one batch of several of the same schema.
func concat(parts []arrow.RecordBatch) (arrow.RecordBatch, error) {
	if len(parts) == 1 {
		parts[0].Retain()
		return parts[0], nil
	}
	rows := int64(0)
	columns := make([]arrow.Array, parts[0].NumCols())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for c := range columns {
		pieces := make([]arrow.Array, len(parts))
		for i, p := range parts {
			pieces[i] = p.Column(c)
		}
		var err error
		if columns[c], err = array.Concatenate(pieces, memory.DefaultAllocator); err != nil {
			return nil, asof.Errorf(asof.CodeInternal, "batches of one answer do not fit together: %w", err)
		}
	}
	for _, p := range parts {
		rows += p.NumRows()
	}
	return array.NewRecordBatch(parts[0].Schema(), columns, rows), nil
}

func releaseAll(batches []arrow.RecordBatch) {
	for _, b := range batches {
		b.Release()
	}
}

// newest returns the latest event of a batch.
func newest(rows arrow.RecordBatch) time.Time {
	at := rows.Schema().FieldIndices(asof.EventTimestamp)
	if len(at) != 1 || rows.NumRows() == 0 {
		return time.Time{}
	}
	times, ok := rows.Column(at[0]).(*array.Timestamp)
	if !ok {
		return time.Time{}
	}
	latest := times.Value(0)
	for i := 1; i < times.Len(); i++ {
		latest = max(latest, times.Value(i))
	}
	return time.UnixMicro(int64(latest)).UTC()
}
