package chart

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/aclements/go-moremath/scale"
)

// largest is how large a number may be to have a place: the distance of two of
// them is still a number.
const largest = 1e300

// drawable reports whether a number has a place; what has none is a gap.
func drawable(v float64) bool { return math.Abs(v) <= largest }

// mark is a tick: where it is in pixels, and what is written there.
type mark struct {
	At   float64
	Text string
}

// axis maps numbers to pixels from one end to the other.
type axis struct {
	scale.Linear
	from, to float64
}

// newAxis is an axis for the drawable numbers. One number alone gets room on
// both sides.
func newAxis(numbers []float64, from, to float64) axis {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range numbers {
		if drawable(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	if low > high {
		low, high = 0, 1
	}
	// Ticks of a narrower span would be the same number, or below all that a
	// float64 can tell apart.
	if size := max(math.Abs(low), math.Abs(high)); high-low < max(size*1e-9, 1e-290) {
		room := size / 10
		if size < 1e-280 {
			room = 1
		}
		low, high = low-room, high+room
	}
	return axis{scale.Linear{Min: low, Max: high}, from, to}
}

func (a axis) at(v float64) float64 { return rounded(a.from + a.Map(v)*(a.to-a.from)) }

// marks returns ticks at round numbers, at most so many.
func (a axis) marks(most int, unit string) (marks []mark) {
	ticks := a.round(most)
	for _, v := range ticks {
		marks = append(marks, mark{a.at(v), stepped(v, ticks) + unit})
	}
	return marks
}

// round returns multiples of 1, 2, 5, 10, …: every second one of those of 1 or
// 5, which are what the scale has, where they are too many.
func (a axis) round(most int) []float64 {
	ticks, _ := a.Ticks(scale.TickOptions{Max: 2 * most})
	if len(ticks) <= most {
		return ticks
	}
	step := ticks[1] - ticks[0]
	return slices.DeleteFunc(ticks, func(v float64) bool { return math.Abs(math.Remainder(v, 2*step)) > step/2 })
}

// stepped writes a tick with as many decimals as the step to its neighbours has.
func stepped(v float64, ticks []float64) string {
	if len(ticks) < 2 || math.Abs(v) >= 1e9 {
		return Number(v)
	}
	step := ticks[1] - ticks[0]
	if step < 1e-6 {
		return Number(v)
	}
	if math.Abs(v) < step/2 {
		v = 0 // not -0
	}
	decimals := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	return grouped(strconv.FormatFloat(v, 'f', decimals, 64))
}

// Number writes a number for a reader: six digits at most of what has
// decimals, thousands apart, very large and very small ones with an exponent.
func Number(v float64) string {
	switch size := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case size >= 1e12 || size < 1e-4 && size > 0:
		return strconv.FormatFloat(v, 'g', 6, 64)
	case size >= 1e6 || v == math.Trunc(v):
		return grouped(strconv.FormatFloat(v, 'f', 0, 64))
	}
	six, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	return grouped(strconv.FormatFloat(six, 'f', -1, 64))
}

// grouped puts a narrow space between thousands, from five digits on.
func grouped(digits string) string {
	sign := strings.TrimRight(digits, "0123456789.")
	whole, decimals, _ := strings.Cut(digits[len(sign):], ".")
	if len(whole) < 5 {
		return digits
	}
	if decimals != "" {
		decimals = "." + decimals
	}
	var groups []string
	for ; len(whole) > 3; whole = whole[:len(whole)-3] {
		groups = append(groups, whole[len(whole)-3:])
	}
	slices.Reverse(groups)
	return sign + whole + "\u202f" + strings.Join(groups, "\u202f") + decimals
}

func rounded(v float64) float64 { return math.Round(v*10) / 10 }
