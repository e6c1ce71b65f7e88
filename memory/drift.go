package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// KeepDrift writes verdicts.
func (s *Statistics) KeepDrift(_ context.Context, list ...asof.ViewDrift) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, at := slices.Clone(s.drifts), now()
	for _, d := range list {
		d, err := copied(d)
		if err != nil {
			return err
		}
		for _, side := range []*asof.DriftSide{&d.Current, &d.Reference} {
			side.From, side.To = instant(side.From), instant(side.To)
		}
		d.Judged = at
		kept = slices.DeleteFunc(kept, func(other asof.ViewDrift) bool {
			return other.Project == d.Project && other.View == d.View && other.Current.Same(d.Current) && other.Reference.Same(d.Reference)
		})
		kept = append(kept, d)
	}
	s.drifts = kept
	return nil
}

// Drifts lists verdicts.
func (s *Statistics) Drifts(_ context.Context, q asof.DriftQuery) ([]asof.ViewDrift, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []asof.ViewDrift
	for _, d := range slices.Backward(s.drifts) {
		if (q.Project == "" || q.Project == d.Project) && (q.View == "" || q.View == d.View) && (q.Source == "" || q.Source == d.Current.Source) {
			if q.Brief {
				d.Features = nil
			}
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b asof.ViewDrift) int {
		return cmp.Or(strings.Compare(a.View, b.View), b.Current.To.Compare(a.Current.To), b.Current.From.Compare(a.Current.From), b.Judged.Compare(a.Judged))
	})
	if q.Each > 0 {
		newer := map[[2]string]int{}
		list = slices.DeleteFunc(list, func(d asof.ViewDrift) bool {
			of := [2]string{d.View, string(d.Current.Source)}
			newer[of]++
			return newer[of] > q.Each
		})
	}
	return copied(list[:min(len(list), cmp.Or(q.Limit, asof.StatisticsLimit))])
}

// Prune removes statistics and verdicts that are not kept.
func (s *Statistics) Prune(_ context.Context, project string, keep asof.StatisticsRetention, limit int) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := time.Time{}
	if keep.Age > 0 {
		oldest = now().Add(-keep.Age)
	}
	had := len(s.list) + len(s.drifts)
	s.list = pruned(s.list, limit, keep.Spans, oldest, func(one asof.Statistics) aged {
		return aged{one.Project == project, one.Baseline, one.View + "\x00" + string(one.Source) + "\x00" + string(one.Granularity), one.From, one.To, one.Computed}
	})
	s.drifts = pruned(s.drifts, limit, keep.Spans, oldest, func(d asof.ViewDrift) aged {
		return aged{d.Project == project, false, d.View + "\x00" + string(d.Current.Source), d.Current.From, d.Current.To, d.Judged}
	})
	return int64(had - len(s.list) - len(s.drifts)), nil
}

// aged is what decides whether something is kept.
type aged struct {
	counts, stays bool
	of            string // its spans are counted together
	from, to, at  time.Time
}

// pruned returns what of a list is kept.
func pruned[T any](list []T, limit, spans int, oldest time.Time, see func(T) aged) []T {
	place := map[string]map[[2]time.Time]bool{}
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		one, other := see(list[a]), see(list[b])
		return cmp.Or(other.to.Compare(one.to), other.from.Compare(one.from))
	})
	var gone []int
	for _, i := range order {
		a := see(list[i])
		if !a.counts {
			continue
		}
		if place[a.of] == nil {
			place[a.of] = map[[2]time.Time]bool{}
		}
		place[a.of][[2]time.Time{a.from, a.to}] = true
		if !a.stays && (a.at.Before(oldest) || spans > 0 && len(place[a.of]) > spans) {
			gone = append(gone, i)
		}
	}
	slices.SortStableFunc(gone, func(a, b int) int { return cmp.Or(see(list[a]).at.Compare(see(list[b]).at), cmp.Compare(a, b)) })
	gone = gone[:min(limit, len(gone))]
	var kept []T
	for i := range list {
		if !slices.Contains(gone, i) {
			kept = append(kept, list[i])
		}
	}
	return kept
}
