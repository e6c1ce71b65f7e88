package memory

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/asof-dev/asof"
)

// Statistics is an asof.StatisticsStore in memory. Stores that share one place
// are the same one.
type Statistics struct {
	mu     sync.Mutex
	list   []asof.Statistics
	edges  map[[3]string][]float64 // by project, view and feature
	drifts []asof.ViewDrift
}

var _ asof.StatisticsStore = (*Statistics)(nil)

// NewStatistics returns an empty store.
func NewStatistics() *Statistics { return &Statistics{edges: map[[3]string][]float64{}} }

// now is in microseconds, as in the other stores.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// copied returns what shares nothing with its original.
func copied[T any](original T) (c T, err error) {
	text, err := json.Marshal(original)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	return c, err
}

// Keep writes statistics.
func (s *Statistics) Keep(_ context.Context, list ...asof.Statistics) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, edges := slices.Clone(s.list), maps.Clone(s.edges)
	at := now()
	for _, one := range list {
		one, err := copied(one)
		if err != nil {
			return err
		}
		one.From, one.To, one.Computed = instant(one.From), instant(one.To), at
		feature := [3]string{one.Project, one.View, one.Profile.Feature}
		if err := asof.FitStatistics(&one, edges[feature]); err != nil {
			return err
		}
		if one.Profile.Edges != nil && (edges[feature] == nil || one.Baseline) {
			edges[feature] = one.Profile.Edges
		}
		if one.Baseline {
			for i, other := range kept {
				if other.Project == one.Project && other.View == one.View && other.Profile.Feature == one.Profile.Feature && other.Source == one.Source {
					kept[i].Baseline = false
				}
			}
		}
		if i := slices.IndexFunc(kept, func(other asof.Statistics) bool { return one.Same(&other) }); i >= 0 {
			kept[i] = one
		} else {
			kept = append(kept, one)
		}
	}
	s.list, s.edges = kept, edges
	return nil
}

// Edges returns the bins of a view's features.
func (s *Statistics) Edges(_ context.Context, project, view string) (map[string][]float64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := map[string][]float64{}
	for of, edges := range s.edges {
		if of[0] == project && of[1] == view {
			kept[of[2]] = slices.Clone(edges)
		}
	}
	return kept, nil
}

// chosen returns what a query asks for, but for Each and Limit, in order.
func (s *Statistics) chosen(q asof.StatisticsQuery) []asof.Statistics {
	var list []asof.Statistics
	for _, one := range s.list {
		if (q.Project == "" || q.Project == one.Project) && (q.View == "" || q.View == one.View) && (q.Feature == "" || q.Feature == one.Profile.Feature) &&
			(q.Source == "" || q.Source == one.Source) && (q.Granularity == "" || q.Granularity == one.Granularity) && (!q.Baseline || one.Baseline) &&
			(q.From.IsZero() || !one.From.Before(q.From)) && (q.To.IsZero() || !one.To.After(q.To)) &&
			(!q.Exact || one.From.Equal(q.From) && one.To.Equal(q.To)) {
			list = append(list, one)
		}
	}
	slices.SortStableFunc(list, func(a, b asof.Statistics) int {
		return cmp.Or(strings.Compare(a.View, b.View), strings.Compare(a.Profile.Feature, b.Profile.Feature), b.To.Compare(a.To), b.From.Compare(a.From),
			cmp.Compare(a.Source, b.Source), cmp.Compare(a.Granularity, b.Granularity))
	})
	return list
}

// Statistics lists what is kept.
func (s *Statistics) Statistics(_ context.Context, q asof.StatisticsQuery) ([]asof.Statistics, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.chosen(q)
	if q.Each > 0 {
		newer := map[[4]string]int{}
		list = slices.DeleteFunc(list, func(one asof.Statistics) bool {
			of := [4]string{one.View, one.Profile.Feature, string(one.Source), string(one.Granularity)}
			newer[of]++
			return newer[of] > q.Each
		})
	}
	return copied(list[:min(len(list), cmp.Or(q.Limit, asof.StatisticsLimit))])
}

// Spans lists of what spans views have statistics.
func (s *Statistics) Spans(_ context.Context, q asof.StatisticsQuery) ([]asof.StatisticsSpan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []asof.StatisticsSpan
	for _, one := range s.chosen(q) {
		span := asof.StatisticsSpan{View: one.View, Source: one.Source, Granularity: one.Granularity, From: one.From, To: one.To}
		i := slices.IndexFunc(list, func(other asof.StatisticsSpan) bool {
			return other.View == span.View && other.Source == span.Source && other.Granularity == span.Granularity && other.From.Equal(span.From) && other.To.Equal(span.To)
		})
		if i < 0 {
			i, list = len(list), append(list, span)
		}
		of := &list[i]
		if !one.Computed.Before(of.Computed) {
			of.Computed, of.By = one.Computed, one.By
		}
		of.Baseline, of.Features, of.Rows = of.Baseline || one.Baseline, of.Features+1, max(of.Rows, one.Profile.Rows)
	}
	slices.SortStableFunc(list, func(a, b asof.StatisticsSpan) int {
		return cmp.Or(strings.Compare(a.View, b.View), b.To.Compare(a.To), b.From.Compare(a.From), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Granularity, b.Granularity))
	})
	return list[:min(len(list), cmp.Or(q.Limit, asof.StatisticsLimit))], nil
}

// Close does nothing: what the store holds can still be read.
func (s *Statistics) Close() error { return nil }
