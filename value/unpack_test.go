package value_test

import (
	"bytes"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// TestUnpackFindsWhatIsAsked packs rows of any numbers, order and lengths, and
// asks for any features of them: in the row's order, which is read in one go as
// far as it holds, and in others. A row that ends within an element is damaged.
func TestUnpackFindsWhatIsAsked(t *testing.T) {
	v := view(feature("x", asof.TypeString))
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.Int32Range(1, 40), rapid.Int32Range(1, 5000))
		stored := rapid.SliceOfNDistinct(number, 0, 40, rapid.ID[int32]).Draw(t, "stored")
		asked := slices.Clone(stored)
		if rapid.Bool().Draw(t, "others") {
			asked = rapid.SliceOfN(rapid.OneOf(rapid.Int32Range(0, 41), number), 0, 40).Draw(t, "asked")
			asked = slices.Compact(slices.Sorted(slices.Values(asked)))
		}
		var rows [2][]byte
		var values [2]map[int32][]byte
		ends := []int{0} // of the elements of the second row
		for i := range rows {
			values[i] = map[int32][]byte{}
			for _, n := range stored {
				length := rapid.SampledFrom([]int{0, 2, 2, 3, 5, 9, 127, 128, 300}).Draw(t, "length")
				values[i][n] = bytes.Repeat([]byte{byte(n), byte(i)}, length)[:length]
				rows[i] = protowire.AppendBytes(protowire.AppendTag(rows[i], protowire.Number(n), protowire.BytesType), values[i][n])
				if i == 1 {
					ends = append(ends, len(rows[i]))
				}
			}
		}
		r := &asof.Reading{View: v, Features: make([]string, len(asked)), Keys: [][]byte{{0}, {1}, {2}}}
		r.Reset()
		for i, row := range rows {
			if err := value.Unpack(r, asked, i+1, 7, row); err != nil {
				t.Fatal(err)
			}
		}
		for f, n := range asked {
			for i := range rows {
				if got := r.Value(f, i+1); !bytes.Equal(got, values[i][n]) {
					t.Fatalf("feature %d of row %d is %x instead of %x", n, i, got, values[i][n])
				}
			}
			if len(r.Value(f, 0)) > 0 {
				t.Fatalf("feature %d of a row that is not there is %x", n, r.Value(f, 0))
			}
		}
		cut := rapid.IntRange(0, len(rows[1])).Draw(t, "cut")
		r.Reset()
		if err := value.Unpack(r, asked, 1, 7, rows[1][:cut]); (err == nil) != slices.Contains(ends, cut) {
			t.Fatalf("a row cut after %d bytes of %d: %v", cut, len(rows[1]), err)
		}
	})
	r := &asof.Reading{View: v, Features: []string{"unknown"}, Keys: [][]byte{{0}}}
	r.Reset()
	if err := value.Unpack(r, []int32{0}, 0, 7, []byte{2, 2, 1, 1}); err == nil {
		t.Error("an element without a number is taken for that of a feature that the store does not know")
	}
}
