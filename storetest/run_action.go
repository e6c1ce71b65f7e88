package storetest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/asof-dev/asof"
)

func readActions(t *testing.T, s asof.RunStore, q asof.ActionQuery) []asof.Action {
	t.Helper()
	list, err := s.Actions(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func runsActions(t *testing.T, open func() asof.RunStore) {
	s, other, ctx := open(), open(), t.Context()
	if list := readActions(t, s, asof.ActionQuery{}); len(list) != 0 {
		t.Errorf("an empty store: %v", list)
	}
	if err := s.EndAction(ctx, 7, "nothing", ""); err != nil {
		t.Errorf("ending what is not there: %v", err)
	}
	first := asof.Action{Project: "p", Who: "Zoë ★", From: "127.0.0.1", What: "run", On: "pipeline month", Details: map[string]string{"as_of": "2024-01-31", "é": "'x'"}}
	var begun []asof.Action
	for i, a := range []asof.Action{first, {Project: "q", Who: "ann", What: "run", On: "pipeline month"}, {Project: "p", Who: "bob", What: "pause", On: "pipeline other"},
		{Project: "p", Who: "bob", What: "cancel", On: "pipeline month"}} {
		got, err := s.BeginAction(ctx, a, 10)
		if err != nil {
			t.Fatal(err)
		}
		if got.Seq <= 0 || i > 0 && got.Seq <= begun[i-1].Seq || got.At.IsZero() {
			t.Errorf("entered: %+v after %+v", got, begun)
		}
		begun = append(begun, got)
	}
	if err := other.EndAction(ctx, begun[0].Seq, "run r1", ""); err != nil {
		t.Fatal(err)
	}
	if err := other.EndAction(ctx, begun[0].Seq, "again", "late"); err != nil { // it has ended
		t.Fatal(err)
	}
	if err := s.EndAction(ctx, begun[3].Seq, "", "there is no run"); err != nil {
		t.Fatal(err)
	}
	begun[0].Outcome, begun[3].Error = "run r1", "there is no run"
	list := readActions(t, other, asof.ActionQuery{Project: "p"})
	want := []asof.Action{begun[3], begun[2], begun[0]}
	if diff := cmp.Diff(want, list, cmpopts.IgnoreFields(asof.Action{}, "Finished"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("actions: %s", diff)
	}
	if list[0].Finished.Before(list[0].At) || !list[1].Finished.IsZero() || list[2].Finished.IsZero() {
		t.Errorf("when they ended: %v, %v, %v", list[0].Finished, list[1].Finished, list[2].Finished)
	}
	for _, c := range []struct {
		q    asof.ActionQuery
		want []asof.Action
	}{{asof.ActionQuery{}, []asof.Action{begun[3], begun[2], begun[1], begun[0]}}, {asof.ActionQuery{Project: "p", On: "pipeline month"}, []asof.Action{begun[3], begun[0]}},
		{asof.ActionQuery{Project: "p", Before: begun[3].Seq, Limit: 1}, []asof.Action{begun[2]}}, {asof.ActionQuery{Project: "p", On: "nothing"}, nil}, {asof.ActionQuery{What: "no such"}, nil},
		{asof.ActionQuery{What: begun[1].What}, []asof.Action{begun[1], begun[0]}}} {
		var got, ids []int64
		for _, a := range readActions(t, s, c.q) {
			got = append(got, a.Seq)
		}
		for _, a := range c.want {
			ids = append(ids, a.Seq)
		}
		if diff := cmp.Diff(ids, got); diff != "" {
			t.Errorf("%+v: %s", c.q, diff)
		}
	}
	last, err := s.BeginAction(ctx, asof.Action{Project: "p", Who: "bob", What: "run", On: "pipeline month"}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if list := readActions(t, s, asof.ActionQuery{}); len(list) != 3 || list[0].Seq != last.Seq || list[1].Seq != begun[3].Seq || list[2].Seq != begun[1].Seq {
		t.Errorf("what is kept of two projects: %+v", list)
	}
}

func runsActionsAtOnce(t *testing.T, open func() asof.RunStore) {
	const writers, each = 3, 20
	var group sync.WaitGroup
	for w := range writers {
		s := open()
		group.Go(func() {
			for i := range each {
				a, err := s.BeginAction(t.Context(), asof.Action{Project: "p", Who: fmt.Sprint(w), What: "run", On: fmt.Sprint(i)}, asof.MostActions)
				if err == nil {
					err = s.EndAction(t.Context(), a.Seq, a.On, "")
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	seen := map[int64]bool{}
	for _, a := range readActions(t, open(), asof.ActionQuery{Limit: 2 * writers * each}) {
		if seen[a.Seq] || a.Outcome != a.On || a.Finished.IsZero() {
			t.Errorf("%+v", a)
		}
		seen[a.Seq] = true
	}
	if len(seen) != writers*each {
		t.Errorf("%d actions", len(seen))
	}
}
