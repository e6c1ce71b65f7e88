package trace

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	api "go.opentelemetry.io/otel/trace"

	"github.com/asof-dev/asof"
)

// Online returns a store whose reads are spans. It has none of the optional
// powers of an OnlineStore.
func (t *Tracer) Online(s asof.OnlineStore) asof.OnlineStore {
	if t == nil {
		return s
	}
	return &online{s, t}
}

type online struct {
	asof.OnlineStore
	t *Tracer
}

// Read reads within a span.
func (o *online) Read(ctx context.Context, project string, readings []*asof.Reading) error {
	keys := 0
	views := make([]string, len(readings))
	for i, r := range readings {
		keys += len(r.Keys)
		views[i] = r.View.Name
	}
	ctx, span := o.t.tracer.Start(ctx, "online store read", api.WithSpanKind(api.SpanKindClient),
		api.WithAttributes(attribute.StringSlice("asof.views", views), attribute.Int("asof.keys", keys)))
	err := o.OnlineStore.Read(ctx, project, readings)
	end(span, err)
	return err
}

// Ledger returns a ledger whose runs are spans: materializations of one view.
func (t *Tracer) Ledger(l asof.Ledger) asof.Ledger {
	if t == nil {
		return l
	}
	return &ledger{Ledger: l, t: t, runs: map[int64]api.Span{}}
}

type ledger struct {
	asof.Ledger
	t     *Tracer
	mutex sync.Mutex
	runs  map[int64]api.Span
}

// Begin begins the span of a run.
func (l *ledger) Begin(ctx context.Context, m asof.Materialization) (int64, error) {
	id, err := l.Ledger.Begin(ctx, m)
	if err != nil {
		return id, err
	}
	_, span := l.t.tracer.Start(ctx, "materialize "+m.View, api.WithAttributes(l.t.project, attribute.String("asof.view", m.View),
		attribute.String("asof.cause", m.Cause), attribute.String("asof.to", m.Span.To.UTC().Format(time.RFC3339Nano))))
	if !m.Span.From.IsZero() {
		span.SetAttributes(attribute.String("asof.from", m.Span.From.UTC().Format(time.RFC3339Nano)))
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.runs[id] = span
	return id, nil
}

// Finish ends it.
func (l *ledger) Finish(ctx context.Context, m asof.Materialization) error {
	err := l.Ledger.Finish(ctx, m)
	l.mutex.Lock()
	span := l.runs[m.ID]
	delete(l.runs, m.ID)
	l.mutex.Unlock()
	if span == nil {
		return err
	}
	span.SetAttributes(attribute.Int64("asof.rows_read", m.Read), attribute.Int64("asof.rows_written", m.Written))
	switch {
	case err != nil:
		end(span, err)
	case m.Error != "":
		end(span, asof.Errorf(asof.CodeUnavailable, "%s", m.Error))
	default:
		end(span, nil)
	}
	return err
}
