package materialize

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
)

// recorded runs work between its two entries in the ledger. The registry's
// interval goes before the ledger's, which is the watermark: it moves last.
func (m *Materializer) recorded(ctx context.Context, v *asof.FeatureView, r *Result, cause string, work func(m *Materializer, q asof.ViewQuery) error) error {
	m, q, err := m.source(ctx, v)
	if err != nil {
		return err
	}
	if m.DryRun {
		if err := work(m, q); err != nil || r.Read > 0 {
			return err
		}
		_, err := m.noteEmpty(ctx, q, r)
		return err
	}
	return m.entered(ctx, cause, r, func() error {
		if err := work(m, q); err != nil {
			return err
		}
		return m.account(ctx, q, r)
	})
}

// entered runs work between the two entries of its result in the ledger.
func (m *Materializer) entered(ctx context.Context, cause string, r *Result, work func() error) error {
	entry := asof.Materialization{Project: m.Project, View: r.View, Span: r.Span, Started: m.now(), Cause: cause}
	var err error
	if entry.ID, err = m.Ledger.Begin(ctx, entry); err != nil {
		return err
	}
	err = work()
	entry.Finished, entry.Read, entry.Written = m.now(), r.Read, r.Written
	if r.Written > 0 {
		entry.Newest = r.Newest
	}
	if err != nil {
		entry.Error = err.Error()
		if errors.Is(err, context.Canceled) {
			entry.Error = "interrupted"
		}
		// A run that was cancelled is recorded all the same.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
	}
	if finish := m.Ledger.Finish(ctx, entry); err == nil {
		err = finish
	}
	return err
}

// source returns the query for a view's rows, and the Materializer whose offline
// store answers it.
func (m *Materializer) source(ctx context.Context, v *asof.FeatureView) (*Materializer, asof.ViewQuery, error) {
	if v.Kind != asof.ViewOnDemand {
		q, err := v.Query()
		return m, q, err
	}
	c, err := m.computed(ctx, v)
	if err != nil {
		return nil, asof.ViewQuery{}, err
	}
	of := *m
	of.Offline, of.Registry = c, unrecorded{m.Registry}
	return &of, c.query, nil
}

// account tells the registry what was covered, and the user when nothing was
// found there.
func (m *Materializer) account(ctx context.Context, q asof.ViewQuery, r *Result) error {
	span := r.Span
	if r.Read == 0 || span.From.IsZero() {
		held, err := m.noteEmpty(ctx, q, r)
		if err != nil {
			return err
		}
		if span.From.IsZero() {
			if held.Rows == 0 {
				return nil
			}
			span.From = held.Oldest
		}
	}
	if span.From.After(span.To) {
		return nil // all that the source has lies behind the end
	}
	return m.Registry.RecordMaterialization(ctx, m.Project, r.View, span)
}

// noteEmpty returns what the source holds, and notes it where the run found
// none of it.
func (m *Materializer) noteEmpty(ctx context.Context, q asof.ViewQuery, r *Result) (asof.SourceRange, error) {
	held, err := m.Offline.Range(ctx, q.Source)
	if err == nil && r.Read == 0 {
		r.note(nothing(q, r.Span, held))
	}
	return held, err
}

func nothing(q asof.ViewQuery, span asof.Interval, held asof.SourceRange) string {
	window := "up to " + stamp(span.To)
	if !span.From.IsZero() {
		window = "from " + stamp(span.From) + " " + window
	}
	if held.Rows == 0 {
		return "no rows " + window + ": source " + q.Source.Name + " is empty"
	}
	return "no rows " + window + ": source " + q.Source.Name + " has rows from " + stamp(held.Oldest) + " to " + stamp(held.Newest)
}

// pull copies the newest rows of the result's span.
func (m *Materializer) pull(ctx context.Context, v *asof.FeatureView, q asof.ViewQuery, r *Result) error {
	step := "materialize " + v.Name
	m.Progress.Report(step, 0, 0)
	err := m.batches(ctx, &asof.Latest{View: q, From: r.Span.From, To: r.Span.To, Sorted: true}, func(rows arrow.RecordBatch) error {
		written, err := m.write(ctx, v, rows)
		if err != nil {
			return err
		}
		r.Read += rows.NumRows()
		r.Written += written
		r.Newest = later(r.Newest, newest(rows))
		m.Progress.Report(step, r.Read, 0)
		return nil
	})
	if err != nil {
		return err
	}
	m.Progress.Report(step, r.Read, r.Read)
	return nil
}

// write writes rows to the online store; a dry run has none to write.
func (m *Materializer) write(ctx context.Context, v *asof.FeatureView, rows arrow.RecordBatch) (int64, error) {
	if m.DryRun {
		return 0, nil
	}
	return m.Online.Write(ctx, m.Project, v, rows)
}

// pullAsked is pull for a span that the user asked for, who is told when the
// online store took no row of it.
func (m *Materializer) pullAsked(ctx context.Context, v *asof.FeatureView, q asof.ViewQuery, r *Result) error {
	if err := m.pull(ctx, v, q, r); err != nil {
		return err
	}
	if r.Read > 0 && r.Written == 0 && !m.DryRun {
		r.note("nothing was written: for each of these keys the online store holds a newer row")
	}
	return nil
}

// pullLate looks for rows that came since, but are older than the span: the
// newest of them for each key, which the store takes where it has none newer. A
// source without a created timestamp tells nothing; that is what Overlap is for.
func (m *Materializer) pullLate(ctx context.Context, v *asof.FeatureView, q asof.ViewQuery, since time.Time, r *Result) error {
	if q.Created == "" || since.IsZero() || r.Span.From.IsZero() {
		return nil
	}
	before := r.Span.From.Add(-time.Microsecond)
	err := m.batches(ctx, &asof.Latest{View: q, To: before, Since: since, Sorted: true}, func(rows arrow.RecordBatch) error {
		if m.DryRun {
			r.Late += rows.NumRows() // as many as may be written
			return nil
		}
		written, err := m.Online.Write(ctx, m.Project, v, rows)
		r.Written += written
		r.Late += written
		return err
	})
	if r.Late > 0 && !m.DryRun {
		r.note(fmt.Sprintf("%d keys of %d were written because rows from before %s have come since the last run", r.Late, r.Written, stamp(r.Span.From)))
	}
	return err
}
