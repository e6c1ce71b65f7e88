package value_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// TestColumnIsItsValues prints values of every type side by side, as a column
// and each alone: whole numbers of every length, strings of every length and
// with every byte at every place, what is no Value, and nulls.
func TestColumnIsItsValues(t *testing.T) {
	all := append(messages(t), nil, []byte{0x12}, []byte{0x12, 3, 'a'}, []byte{0x38, 2}, []byte{0x20, 0x80, 0}, []byte{0x20, 0x80}, []byte{0x3d, 1})
	for n := int64(1); n > 0; n *= 3 {
		all = append(all, value.AppendInt64(nil, n), value.AppendInt64(nil, -n), value.AppendInt32(nil, int32(n)), value.AppendInt64(nil, 999+n%2))
	}
	for length := range 20 {
		text := strings.Repeat("x", length)
		all = append(all, value.AppendString(nil, text))
		for at := range length {
			for c := range 256 {
				all = append(all, value.AppendString(nil, text[:at]+string([]byte{byte(c)})+text[at+1:]))
			}
		}
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var buf []byte
	var spans []asof.Span
	var at []int32
	for i, v := range all {
		spans = append(spans, asof.Span{Start: int32(len(buf)), End: int32(len(buf) + len(v))})
		buf = append(buf, v...)
		at = append(at, int32(len(all)-1-i), int32(i))
	}
	for _, form := range []value.Form{value.Served, value.Printed, value.Plain} {
		var want []byte
		wantNulls := 0
		for _, i := range at {
			if want = append(value.AppendJSON(want, all[i], form), ','); len(all[i]) == 0 {
				wantNulls++
			}
		}
		got, nulls := value.AppendColumn(nil, buf, spans, at, form)
		if nulls != wantNulls {
			t.Errorf("form %d: %d nulls instead of %d", form, nulls, wantNulls)
		}
		if string(got) != string(want) {
			t.Errorf("form %d: %s", form, firstDifference(string(got), string(want)))
		}
		if form != value.Printed && !json.Valid(append(append([]byte("["), got...), "0]"...)) {
			t.Errorf("form %d: no JSON", form)
		}
	}
}

func firstDifference(got, want string) string {
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	return fmt.Sprintf("%.60q instead of %.60q", got[max(0, at-20):], want[max(0, at-20):])
}
