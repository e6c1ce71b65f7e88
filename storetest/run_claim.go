package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/asof-dev/asof"
)

func runsClaimsAtOnce(t *testing.T, open func() asof.RunStore) {
	const runs, workers = 40, 4
	s := open()
	for range runs {
		submit(t, s, asof.Run{})
	}
	var mu sync.Mutex
	claimed := map[string]int{}
	var group sync.WaitGroup
	for w := range workers {
		s := open()
		group.Go(func() {
			for {
				run, err := s.Claim(t.Context(), asof.RunClaim{Project: "p", Worker: fmt.Sprint(w), TTL: longLease})
				if err == nil && run != nil {
					err = s.Finish(t.Context(), asof.RunLease{Run: run.ID, Epoch: run.Epoch}, asof.RunCompleted, "", nil)
				}
				if err != nil {
					t.Error(err)
				}
				if err != nil || run == nil {
					return
				}
				mu.Lock()
				claimed[run.ID]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for id, n := range claimed {
		if n != 1 {
			t.Errorf("run %s was claimed %d times", id, n)
		}
	}
	if len(claimed) != runs {
		t.Errorf("%d of %d runs were claimed", len(claimed), runs)
	}
}

func runsOrder(t *testing.T, open func() asof.RunStore) {
	s := open()
	now, _, err := s.Due(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	for id, due := range map[string]time.Duration{"second": -time.Minute, "first": -time.Hour, "later": time.Hour} {
		submit(t, s, asof.Run{ID: id, Due: now.Add(due)})
	}
	submit(t, s, asof.Run{ID: "elsewhere", Project: "q"})
	var order []string
	for {
		run := claim(t, s, asof.RunClaim{})
		if run == nil {
			break
		}
		order = append(order, run.ID)
	}
	if !slices.Equal(order, []string{"first", "second"}) {
		t.Errorf("claimed %v", order)
	}
	if now, _, err = s.Due(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}
	soon := now.Add(50 * time.Millisecond)
	submit(t, s, asof.Run{ID: "soon", Due: soon})
	at, due, err := s.Due(t.Context(), "p")
	if err != nil || !due.Equal(soon) {
		t.Fatalf("next due %v, %v", due, err)
	}
	time.Sleep(due.Sub(at) + time.Millisecond)
	if run := claim(t, s, asof.RunClaim{Run: "later"}); run != nil {
		t.Errorf("claimed before its time: %+v", run)
	}
	if run, _ := mustClaim(t, s, asof.RunClaim{}); run.ID != "soon" {
		t.Errorf("claimed %s", run.ID)
	}
}

func runsUses(t *testing.T, open func() asof.RunStore) {
	s, ctx := open(), t.Context()
	submit(t, s, asof.Run{ID: "a", Uses: []asof.RunUse{{Name: "users", Most: 1}, {Name: "x", Most: 1}}})
	submit(t, s, asof.Run{ID: "b", Uses: []asof.RunUse{{Name: "y", Most: 1}, {Name: "users", Most: 1}}})
	submit(t, s, asof.Run{ID: "c", Uses: []asof.RunUse{{Name: "y", Most: 2}}})
	submit(t, s, asof.Run{ID: "d", Uses: []asof.RunUse{{Name: "y", Most: 2}}})
	submit(t, s, asof.Run{ID: "elsewhere", Project: "q", Uses: []asof.RunUse{{Name: "users", Most: 1}}})
	claims := func(want ...string) {
		t.Helper()
		var got []string
		for run := claim(t, s, asof.RunClaim{}); run != nil; run = claim(t, s, asof.RunClaim{}) {
			got = append(got, run.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("claimed %v, not %v", got, want)
		}
	}
	claims("a", "c", "d")
	if run := claim(t, s, asof.RunClaim{Run: "b"}); run != nil {
		t.Error("b goes on beside a")
	}
	if run := claim(t, s, asof.RunClaim{Project: "q"}); run == nil {
		t.Error("a project waits for another's")
	}
	finish := func(id string) {
		t.Helper()
		if err := s.Finish(ctx, asof.RunLease{Run: id, Epoch: readRun(t, s, id).Epoch}, asof.RunFailed, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	finish("a")
	claims() // c and d use y
	finish("c")
	finish("d")
	claims("b")
	submit(t, s, asof.Run{ID: "e", Uses: []asof.RunUse{{Name: "y", Most: 1}}})
	if err := s.Break(ctx, asof.RunLease{Run: "b", Epoch: 1}); err != nil {
		t.Fatal(err)
	}
	if run, _ := mustClaim(t, s, asof.RunClaim{}); run.ID != "b" {
		t.Errorf("a run whose worker died waits behind %s", run.ID)
	}
}

func runsUsesAtOnce(t *testing.T, open func() asof.RunStore) {
	s := open()
	for range 12 {
		submit(t, s, asof.Run{Uses: []asof.RunUse{{Name: "users", Most: 2}}})
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	claimed := 0
	for range 4 {
		s := open()
		group.Go(func() {
			for range 3 {
				run, err := s.Claim(t.Context(), asof.RunClaim{Project: "p", Worker: "w", TTL: longLease})
				if err != nil {
					t.Error(err)
				}
				if run != nil {
					mu.Lock()
					claimed++
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	if claimed != 2 {
		t.Errorf("%d runs go on with what 2 may use", claimed)
	}
}
