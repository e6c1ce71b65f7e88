package pit

import (
	"cmp"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/statistics"
)

// ReadProfiles makes profiles of the answer to Profile. It does not release it.
func ReadProfiles(v *View, q *asof.ProfileQuery, rows array.RecordReader) ([]asof.Profile, error) {
	profiles := make([]asof.Profile, len(v.Features))
	frequent := make([][]placed, len(v.Features))
	for rows.Next() {
		batch := rows.RecordBatch()
		which, place := batch.Column(0).(*array.Int32), batch.Column(1).(*array.Int32)
		for row := range int(batch.NumRows()) {
			i := which.Value(row)
			if at := place.Value(row); at > 0 {
				frequent[i] = append(frequent[i], placed{at, valueCount(batch, row)})
				continue
			}
			f := v.Features[i]
			profiles[i] = readProfile(profileRow{batch, row}, f.Output, profileKind(v.columns[f.Column], f.Type), q.Edges[f.Output])
		}
	}
	for i, values := range frequent {
		slices.SortFunc(values, func(a, b placed) int { return cmp.Compare(a.place, b.place) })
		for _, value := range values {
			profiles[i].Top = append(profiles[i].Top, value.ValueCount)
		}
		if v.Features[i].Type.Value == asof.TypeFloat32 {
			statistics.Shorten(&profiles[i])
		}
	}
	return profiles, rows.Err()
}

type placed struct {
	place int32
	asof.ValueCount
}

// valueCount reads a row of a most frequent value: a text or a number, and how often.
func valueCount(batch arrow.RecordBatch, row int) asof.ValueCount {
	value := asof.ValueCount{Count: profileRow{batch, row}.count(0)}
	if text := batch.Column(2).(*array.String); text.IsValid(row) {
		value.Text = strings.Clone(text.Value(row)) // the column may be an engine's memory
	} else {
		value.Number = *profileRow{batch, row}.number(1)
	}
	return value
}

// profileRow is a row of the answer; its numbers stand behind three columns.
type profileRow struct {
	batch arrow.RecordBatch
	row   int
}

func (r profileRow) number(i int) *float64 {
	c := r.batch.Column(i + 3).(*array.Float64)
	if c.IsNull(r.row) {
		return nil
	}
	return new(c.Value(r.row))
}

func (r profileRow) count(i int) int64 {
	if n := r.number(i); n != nil {
		return int64(*n)
	}
	return 0
}

func readProfile(r profileRow, feature string, kind asof.ProfileKind, edges []float64) asof.Profile {
	p := asof.Profile{Feature: feature, Kind: kind, Rows: r.count(0), NaNs: r.count(2), Infinite: r.count(3), Distinct: r.count(4),
		Min: r.number(6), Max: r.number(7), Mean: r.number(8), Stddev: r.number(9)}
	p.Nulls = p.Rows - r.count(1)
	if sampled := r.count(5); sampled < p.Rows && kind != asof.ProfileOpaque {
		p.Sampled, p.RankError = sampled, statistics.RankError(sampled)
	}
	for i := range asof.ProfileLevels {
		if value := r.number(profileNumbers + i); value != nil {
			p.Quantiles = append(p.Quantiles, *value)
		}
	}
	if kind != asof.ProfileOpaque && kind != asof.ProfileCategory && len(edges) > 0 {
		p.Edges = edges
		for i := range len(edges) + 1 {
			p.Bins = append(p.Bins, r.count(profileNumbers+len(asof.ProfileLevels)+i))
		}
	}
	return p
}
