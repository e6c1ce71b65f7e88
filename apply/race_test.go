package apply_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/apply"
)

// racing lets somebody else apply between a plan and its registration.
type racing struct {
	asof.Registry
	before func()
}

func (r *racing) Apply(ctx context.Context, project string, c asof.Change) (*asof.Snapshot, error) {
	if r.before != nil {
		before := r.before
		r.before = nil
		before()
	}
	return r.Registry.Apply(ctx, project, c)
}

func TestApplyPlansAnewWhenSomebodyElseWasFirst(t *testing.T) {
	s, src := stores(), sources(t)
	repo := newShop()
	registry := s.Registry
	s.Registry = &racing{Registry: registry, before: func() {
		other := apply.Desired{Project: "shop", Objects: []asof.Object{repo.entity}}
		if _, err := apply.Run(t.Context(), other, apply.Stores{Registry: registry}, apply.Options{Sources: src}); err != nil {
			t.Error(err)
		}
	}}
	got := summary(mustRun(t, s, repo.desired(), src))
	if want := "create data source orders\ncreate feature view orders_fv\ncreate feature service churn"; got != want {
		t.Errorf("the plan after the other's apply:\n%s", cmp.Diff(want, got))
	}
}

// silent is a registry whose answer to an apply is lost once it is made, or
// which refuses it.
type silent struct {
	asof.Registry
	code asof.Code
}

func (r silent) Apply(ctx context.Context, project string, change asof.Change) (*asof.Snapshot, error) {
	if r.code == asof.CodeUnavailable {
		if _, err := r.Registry.Apply(ctx, project, change); err != nil {
			return nil, err
		}
	}
	return nil, asof.Errorf(r.code, "no answer")
}

// An apply that ends between the registry and the online store is ended by the
// next one, and one that was refused leaves what was materialized.
func TestApplyEndsWhatAnotherBegan(t *testing.T) {
	for code, want := range map[asof.Code]int{asof.CodeUnavailable: 0, asof.CodeForbidden: 2} {
		s, src, st := newShop(), sources(t), stores()
		mustRun(t, st, s.desired(), src)
		if _, err := st.Ledger.Begin(t.Context(), asof.Materialization{Project: "shop", View: "orders_fv", Cause: "materialize"}); err != nil {
			t.Fatal(err)
		}
		without := apply.Desired{Project: "shop", Objects: []asof.Object{s.entity, s.source}}
		failing := st
		failing.Registry = silent{st.Registry, code}
		if _, err := apply.Run(t.Context(), without, failing, apply.Options{Sources: src}); asof.ErrorCode(err) != code {
			t.Fatal(err)
		}
		desired := without
		if code == asof.CodeForbidden {
			desired = s.desired()
		}
		mustRun(t, st, desired, src)
		if entries, err := st.Ledger.Materializations(t.Context(), asof.MaterializationQuery{Project: "shop"}); err != nil || len(entries) != want {
			t.Errorf("%s: the ledger has %v (%v), want %d entries", code, entries, err, want)
		}
		read := st.Online.Read(t.Context(), "shop", []*asof.Reading{{View: s.view}})
		if gone := asof.ErrorCode(read) == asof.CodeNotFound; gone != (want == 0) {
			t.Errorf("%s: the view is online: %v", code, read)
		}
	}
}
