package tablefile

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
)

// TestUsualFormsAreReadAsAnyForm holds what reads the usual forms of numbers
// and times against what reads all of them, on texts that are nearly right.
func TestUsualFormsAreReadAsAnyForm(t *testing.T) {
	seeds := []string{"0", "-12.50", "123456789.123456789", "+7", "1e3", "999999999999999999", "18.25", "000.10", ".5", "5.", "-", "34.0",
		"2024-02-29", "1969-12-31", "0000-01-01", "2023-02-29", "2024-01-31 23:59:59", "2024-01-31T23:59:59.123456Z", "1969-12-31 23:59:59.5+00:00",
		"2024-01-31 10:00:00.1234567", "2024-01-31 10:00:00+02:00", "2024-01-31 10:00:00+00", "2024-01-31 24:00:00", "9999-12-31 23:59:60"}
	types := []*arrow.Decimal128Type{{Precision: 5, Scale: 2}, {Precision: 38, Scale: 18}, {Precision: 18, Scale: 0}, {Precision: 38, Scale: 0}}
	random := rand.New(rand.NewPCG(1, 2))
	const letters = "0123456789.-+: TZe"
	for range 200_000 {
		text := []byte(seeds[random.IntN(len(seeds))])
		for range random.IntN(3) {
			switch at := random.IntN(len(text)); random.IntN(3) {
			case 0:
				text[at] = letters[random.IntN(len(letters))]
			case 1:
				text = append(text[:at], text[min(at+1, len(text)-1):]...)
			default:
				text = append(text, letters[random.IntN(len(letters))])
			}
		}
		for _, typ := range types {
			got, gotWrong := parseDecimal(text, typ)
			if want, wrong := parseAnyDecimal(string(text), typ); got != want || gotWrong != wrong {
				t.Fatalf("%q as %s: %v %q, want %v %q", text, typ, got, gotWrong, want, wrong)
			}
		}
		got, ok := parseInstant(text)
		want, right := parseAnyInstant(string(text))
		if got != want || ok != right {
			t.Fatalf("%q as a time: %d %t, want %d %t", text, got, ok, want, right)
		}
		if len(text) != dateLength || strings.ContainsAny(string(text), " T") {
			continue
		}
		days, ok := parseDate(text)
		if want, right := parseAnyInstant(string(text)); ok != right || ok && days*24*60*60*1e6 != want {
			t.Fatalf("%q as a date: %d %t, want %d %t", text, days, ok, want, right)
		}
	}
}
