package push

import (
	"context"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
)

// Target is where rows go.
type Target struct {
	pusher *Pusher
	to     To
	fed    []*asof.FeatureView // every view that the rows are for
	online []*view             // those of them that are written to online
}

// Views returns the views that the rows are for, on-demand views as they are
// stored; and To the stores.
func (t *Target) Views() []*asof.FeatureView { return t.fed }

// To returns the stores that the rows go to.
func (t *Target) To() To { return t.to }

// Write checks the rows and writes them. What the caller has to mend is
// CodeInvalid; nothing is written then.
func (t *Target) Write(ctx context.Context, columns []Column) error {
	if len(t.online) > 0 && t.online[0].onDemand() {
		columns = oncePerRow(columns, t.online[0].JoinKeys())
	}
	rows, err := newRows(columns)
	if err != nil || rows.n == 0 {
		return err
	}
	now := t.pusher.now()
	batches, err := t.batches(ctx, rows, now)
	defer func() {
		for _, b := range batches {
			b.Release()
		}
	}()
	if err != nil {
		return err
	}
	histories, err := t.histories(ctx, rows, now)
	if err != nil {
		return err
	}
	defer releaseHistories(histories)
	for i, v := range t.online {
		if err := t.pusher.write(ctx, v.FeatureView, batches[i]); err != nil {
			return half(err, t.online[:i], nil)
		}
	}
	for i, h := range histories {
		if err := h.append(ctx); err != nil {
			return half(err, t.online, histories[:i])
		}
	}
	return nil
}

// batches checks the rows for every view that is written to online.
func (t *Target) batches(ctx context.Context, r *rows, now time.Time) ([]arrow.RecordBatch, error) {
	var batches []arrow.RecordBatch
	for _, v := range t.online {
		batch, err := v.batch(ctx, r, now)
		if err != nil {
			return batches, err
		}
		batches = append(batches, batch)
	}
	return batches, nil
}

// half says of an error which of the stores have the rows already.
func half(err error, online []*view, offline []*history) error {
	if len(online) > 0 {
		var names []string
		for _, v := range online {
			names = append(names, v.Name)
		}
		err = asof.Errorf(asof.ErrorCode(err), "%w; online %s took the rows already, and takes them again without harm", err, quoted(names))
	}
	if len(offline) > 0 {
		var names []string
		for _, h := range offline {
			names = append(names, h.source.Name)
		}
		err = asof.Errorf(asof.ErrorCode(err), "%w; source %s has the rows already, and would have them twice", err, quoted(names))
	}
	return err
}

// write writes rows to the online store, which is made ready for a view that it
// does not know: it was registered by a client that cannot do so.
func (p *Pusher) write(ctx context.Context, v *asof.FeatureView, batch arrow.RecordBatch) error {
	_, err := p.Online.Write(ctx, p.Project, v, batch)
	if asof.ErrorCode(err) == asof.CodeNotFound {
		if err = p.Online.Update(ctx, p.Project, []*asof.FeatureView{v}, nil); err == nil {
			_, err = p.Online.Write(ctx, p.Project, v, batch)
		}
	}
	return unavailable(err)
}

// unavailable makes an error of a store or a registry one that the caller
// cannot mend, but for values that it does not take.
func unavailable(err error) error {
	switch asof.ErrorCode(err) {
	case asof.CodeNotFound, asof.CodeUnauthenticated, asof.CodeForbidden, asof.CodeConflict:
		return asof.Errorf(asof.CodeUnavailable, "%w", err)
	}
	return err
}
