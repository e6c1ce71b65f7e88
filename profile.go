package asof

import (
	"context"
	"time"
)

// ProfileKind is what a feature's values are described as.
type ProfileKind string

// The kinds.
const (
	ProfileNumber   ProfileKind = "number"
	ProfileTime     ProfileKind = "time"     // numbers: seconds since 1970
	ProfileLength   ProfileKind = "length"   // numbers: how many elements an array has, how many bytes a text of bytes
	ProfileCategory ProfileKind = "category" // text; booleans as true and false
	ProfileOpaque   ProfileKind = "opaque"   // maps and structs: whether they are NULL
)

// ProfileLevels are the levels of a profile's quantiles.
var ProfileLevels = []float64{0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99}

// How many of the most frequent values a profile holds.
const (
	ProfileTopNumbers    = 10
	ProfileTopCategories = 50
)

// ProfileLargest is how large a number may be: the square of a larger one would
// leave no room for a sum. Larger ones count as infinite.
const ProfileLargest = 1e150

// Profile says what the values of a feature are like. What there is none of, or
// what the kind does not have, is nil.
//
// Quantiles, distinct and most frequent values are those of all rows, or where
// Sampled says so of as many rows, taken at random: then a quantile is that of
// another level by RankError at most, in 95 of 100 cases; Distinct is a least
// number; and the counts of Top are those of the sample. All else is exact.
type Profile struct {
	Feature   string       `json:"feature"`
	Kind      ProfileKind  `json:"kind"`
	Rows      int64        `json:"rows"`
	Nulls     int64        `json:"nulls"`
	NaNs      int64        `json:"nans"`
	Infinite  int64        `json:"infinite"` // in none of the following, nor are NaNs and NULLs
	Distinct  int64        `json:"distinct"`
	Sampled   int64        `json:"sampled"` // 0: all rows
	RankError float64      `json:"rank_error"`
	Min       *float64     `json:"min"`
	Max       *float64     `json:"max"`
	Mean      *float64     `json:"mean"`
	Stddev    *float64     `json:"stddev"`    // of a sample: divided by n−1
	Quantiles []float64    `json:"quantiles"` // at ProfileLevels, linear between values
	Edges     []float64    `json:"edges"`     // those asked for
	Bins      []int64      `json:"bins"`      // values up to the first edge, above it and up to the next, …, above the last
	Top       []ValueCount `json:"top"`       // the most frequent first, then by value, text by its bytes
}

// ValueCount is a value and how often it is there. Numbers have Number, and
// categories Text.
type ValueCount struct {
	Text   string  `json:"text,omitempty"`
	Number float64 `json:"number"`
	Count  int64   `json:"count"`
}

// Values returns how many values the profile describes: neither NULL, NaN nor
// infinite.
func (p *Profile) Values() int64 { return p.Rows - p.Nulls - p.NaNs - p.Infinite }

// Constant reports whether there are values, and all are the same.
func (p *Profile) Constant() bool { return p.Distinct == 1 && p.Sampled == 0 && p.Values() == p.Rows }

// AllNull reports whether there are rows, and no value in any.
func (p *Profile) AllNull() bool { return p.Rows > 0 && p.Nulls == p.Rows }

// ProfileQuery asks what the features of a view are like in the rows whose event
// time is within a span, both ends included. Rows without an event time do not
// count.
type ProfileQuery struct {
	View     ViewQuery
	From, To time.Time            // From zero: from the oldest row
	Edges    map[string][]float64 // bins, ascending, by FeatureColumn.Output; others have no bins
	Exact    int64                // of up to so many rows all is exact, and of more about so many are sampled; 0: ProfileExact
}

// ProfileExact is up to how many rows a profile is exact unless it is asked otherwise.
const ProfileExact = 2_000_000

// Profiler is an optional power of an OfflineStore: it describes values where
// they are.
type Profiler interface {
	// Profile answers with a profile of each feature of the view, in order, all
	// of them from one query, which reads the source's rows once.
	Profile(ctx context.Context, q *ProfileQuery) ([]Profile, error)
}

// ProfileKindOf returns as what values of a type are described.
func ProfileKindOf(t Type) ProfileKind {
	switch t.Value {
	case TypeInt32, TypeInt64, TypeFloat32, TypeFloat64, TypeDecimal:
		return ProfileNumber
	case TypeUnixTimestamp, TypeZonedTimestamp:
		return ProfileTime
	case TypeBool, TypeString, TypeUUID, TypeTimeUUID:
		return ProfileCategory
	case TypeBytes, TypePdfBytes, TypeImageBytes:
		return ProfileLength
	}
	if _, list := t.Element(); list {
		return ProfileLength
	}
	return ProfileOpaque
}
