package tablefile

import (
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzScanner holds the scanner against the standard library's reader, which
// knows neither encodings nor nulls.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "a\n\n\"x\"\"y\nz\",\n", `"",""` + "\n", "a,\"b", "a\"b,c\n", "\"a\"b\n", "\"\n", ",,\n,", "\xff\n", "x", "\"a\n\nb\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, gotErr := scanAll(text, Dialect{})
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\r\x00") || strings.HasPrefix(text, "\ufeff") {
			return // where the two differ on purpose; nothing may panic
		}
		reader := csv.NewReader(strings.NewReader(text))
		reader.FieldsPerRecord = -1
		want, wantErr := reader.ReadAll()
		if (gotErr == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v; the standard library says %v", text, gotErr, wantErr)
		}
		if wantErr == nil && !slices.EqualFunc(got, want, slices.Equal[[]string]) {
			t.Fatalf("%q: %q, want %q", text, got, want)
		}
	})
}

// scanAll reads blocks of so few bytes that most records are cut off at first.
func scanAll(text string, d Dialect) ([][]string, error) {
	s := newScanner(d)
	b := newBlocks(strings.NewReader(text), s.recordsEnd)
	b.size = 5
	var all [][]string
	for {
		next, err := b.next(nil)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		for s.reset(next); ; {
			fields, err := s.record()
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, err
			}
			row := make([]string, len(fields))
			for i, f := range fields {
				row[i] = string(f.value)
			}
			all = append(all, row)
		}
	}
}
