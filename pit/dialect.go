package pit

import (
	"time"

	"github.com/asof-dev/asof"
)

// Dialect is how an engine writes what SQL leaves open.
type Dialect interface {
	Facts() Facts

	// Quote returns an identifier that stands for exactly this name.
	Quote(name string) string

	// Instant returns a column of timestamps or dates as an instant: UTC,
	// microseconds, finer ones rounded as r says.
	Instant(expr string, c asof.SourceColumn, r asof.Rounding) string

	// Literal returns the instant t.
	Literal(t time.Time) string

	// Earlier returns the instant d before another.
	Earlier(instant string, d time.Duration) string

	// Key returns a column so that it equals a join key of type t by value.
	Key(expr string, c asof.SourceColumn, t asof.Type) string

	// Rank returns a column so that it sorts by value, text by its bytes.
	Rank(expr string, c asof.SourceColumn) string

	// Value returns a column in a form from which asof.Cast makes type t, and
	// with TypeInvalid in the form in which it is to come out.
	Value(expr string, c asof.SourceColumn, t asof.Type) string
}

// Facts are what an engine can do.
type Facts struct {
	AsOfJoin bool // has ASOF LEFT JOIN

	// Native returns an instant as it is compared with a column of times by an
	// index over the column. Nil: no view has a Lookup.
	Native func(instant string, c asof.SourceColumn) string
}

// family is what a column's values are compared as.
type family int

const (
	other family = iota
	number
	textual
	logical
	instant
	octets
)

func familyOf(t asof.Type) family {
	switch t.Value {
	case asof.TypeInt32, asof.TypeInt64, asof.TypeFloat32, asof.TypeFloat64, asof.TypeDecimal:
		return number
	case asof.TypeString, asof.TypeUUID, asof.TypeTimeUUID:
		return textual
	case asof.TypeBool:
		return logical
	case asof.TypeUnixTimestamp:
		return instant
	case asof.TypeBytes:
		return octets
	}
	return other
}

// isUUID reports whether values of a type are text of one form, whose capitals
// mean nothing.
func isUUID(t asof.Type) bool { return t.Value == asof.TypeUUID || t.Value == asof.TypeTimeUUID }

// timestamp returns t as SQL writes it, in UTC.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.999999") }
