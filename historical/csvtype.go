package historical

import (
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
)

// guess finds out what a column of text holds, cell by cell: whole numbers,
// numbers, truths or times, as pandas reads them, else text. An empty cell says
// nothing. What would not come out as it went in stays text: numbers with a
// leading zero, whole numbers beyond 64 bits.
type guess struct {
	seen                        bool
	notInt, notFloat, notBool   bool
	notTime, hasZone, isPrecise bool // isPrecise: finer than a microsecond
}

func (g *guess) add(cell string) {
	if cell == "" {
		return
	}
	g.seen = true
	g.notBool = g.notBool || !strings.EqualFold(cell, "true") && !strings.EqualFold(cell, "false")
	// A whole number is a number too, so numbers need a look only from the
	// first cell on that is none.
	g.notInt = g.notInt || !isWhole(cell)
	g.notFloat = g.notFloat || g.notInt && !isNumeral(cell)
	if !g.notTime {
		g.addTime(cell)
	}
}

// addTime looks at a cell of what may be a column of times.
func (g *guess) addTime(cell string) (ok bool) {
	t, ok := asof.ParseTime(cell)
	if ok && t.Nanosecond()%1000 != 0 {
		g.isPrecise = true
	}
	if ok && len(cell) > len(time.DateOnly) {
		rest := cell[len(time.DateOnly):]
		g.hasZone = g.hasZone || strings.ContainsAny(rest, "Z+-") || strings.HasSuffix(rest, "UTC")
	}
	g.notTime = !ok
	return ok
}

// isTime reports whether every cell was a time.
func (g *guess) isTime() bool { return g.seen && !g.notTime }

// typ returns what the cells are, times aside. A column without any is Float64,
// as in pandas.
func (g *guess) typ() asof.Type {
	switch {
	case g.seen && !g.notInt:
		return asof.Scalar(asof.TypeInt64)
	case !g.notFloat:
		return asof.Scalar(asof.TypeFloat64)
	case !g.notBool:
		return asof.Scalar(asof.TypeBool)
	}
	return asof.Scalar(asof.TypeString)
}

// timeType returns the Arrow type that keeps the times as they are: to the
// nanosecond where one needs it, in UTC where one has a zone.
func (g *guess) timeType() *arrow.TimestampType {
	t := &arrow.TimestampType{Unit: arrow.Microsecond}
	if g.isPrecise {
		t.Unit = arrow.Nanosecond
	}
	if g.hasZone {
		t.TimeZone = "UTC"
	}
	return t
}

func isWhole(cell string) bool {
	_, err := strconv.ParseInt(cell, 10, 64)
	return err == nil && !leadsWithZero(cell)
}

// isNumeral reports whether a cell is a number. Digits alone that are no whole
// number of 64 bits would lose some.
func isNumeral(cell string) bool {
	if isWhole(cell) {
		return true
	}
	digitsAlone := strings.Trim(cell, "+-0123456789") == ""
	if digitsAlone || leadsWithZero(cell) || strings.ContainsAny(cell, "xXpP_") {
		return false
	}
	_, err := strconv.ParseFloat(cell, 64)
	return err == nil
}

func leadsWithZero(cell string) bool {
	digits := strings.TrimLeft(cell, "+-")
	return len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9'
}
