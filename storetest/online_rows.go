package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/value"
)

// online is one test of the suite: a store, and words for using it.
type online struct {
	*testing.T
	gaps  []OnlineGap
	open  func() asof.OnlineStore
	store asof.OnlineStore
}

func (o *online) has(g OnlineGap) bool { return slices.Contains(o.gaps, g) }

func feature(name string, t asof.ValueType) asof.Field {
	return asof.Field{Name: name, Type: asof.Scalar(t)}
}

// userView is a view of the entity user.
func userView(name string, features ...asof.Field) *asof.FeatureView {
	return &asof.FeatureView{Name: name, Kind: asof.ViewPlain, Entities: []string{"user"},
		EntityColumns: []asof.Field{feature("user", asof.TypeString)}, Features: features, Online: true, Enabled: true}
}

// batch makes rows of a view, as asof.Latest describes them, from Arrow's JSON.
func batch(tb testing.TB, v *asof.FeatureView, rows string) arrow.RecordBatch {
	tb.Helper()
	var fields []arrow.Field
	for _, k := range value.Keys(v) {
		fields = append(fields, arrow.Field{Name: k.Name, Type: k.Type.Arrow(), Nullable: true})
	}
	fields = append(fields, arrow.Field{Name: asof.EventTimestamp, Type: asof.Timestamp, Nullable: true},
		arrow.Field{Name: asof.CreatedTimestamp, Type: asof.Timestamp, Nullable: true})
	for _, f := range v.Features {
		fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true})
	}
	return records(tb, fields, rows)
}

func records(tb testing.TB, fields []arrow.Field, rows string) arrow.RecordBatch {
	tb.Helper()
	b, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(rows))
	if err != nil {
		tb.Fatalf("%v in %s", err, rows)
	}
	return b
}

// rowsOf makes rows of userView with one feature x from "key event created
// value;…": days of January 2024, and - for none.
func rowsOf(text string) string {
	rows := []map[string]any{}
	for row := range strings.SplitSeq(text, ";") {
		if row == "" {
			continue
		}
		part := strings.SplitN(row, " ", 4)
		day := func(s string) any {
			n, err := strconv.Atoi(s)
			if err != nil {
				return nil
			}
			return time.Date(2024, 1, n, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
		}
		rows = append(rows, map[string]any{"user": part[0], asof.EventTimestamp: day(part[1]), asof.CreatedTimestamp: day(part[2]), "x": part[3]})
	}
	b, _ := json.Marshal(rows) // strings and nulls always marshal
	return string(b)
}

// numbered makes n rows of users 0, 1, …, all with the event n seconds after
// 2024 and the values x = y = n, for views that have them.
func numbered(users, n int) string {
	at := time.Date(2024, 1, 1, 0, 0, n, 0, time.UTC).Format(time.RFC3339)
	rows := make([]string, users)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"user": "%d", "event_timestamp": %q, "x": %d, "y": %d}`, i, at, n, n)
	}
	return "[" + strings.Join(rows, ",") + "]"
}

// reading asks for all features of the view. Keys are written a|b for views of
// several join keys.
func reading(tb testing.TB, v *asof.FeatureView, keys ...string) *asof.Reading {
	tb.Helper()
	r := &asof.Reading{View: v, Features: v.FeatureNames()}
	columns := value.Keys(v)
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	encoder, err := entitykey.NewEncoder(3, names...)
	if err != nil {
		tb.Fatal(err)
	}
	for _, key := range keys {
		var values []entitykey.Value
		for i, part := range strings.Split(key, "|") {
			if i >= len(columns) {
				break
			}
			n, _ := strconv.ParseInt(part, 10, 64)
			switch columns[i].Type.Value {
			case asof.TypeInt32:
				values = append(values, entitykey.Int32(int32(n)))
			case asof.TypeInt64:
				values = append(values, entitykey.Int64(n))
			default:
				values = append(values, entitykey.String(part))
			}
		}
		b, err := encoder.Append(nil, values...)
		if err != nil {
			tb.Fatal(err)
		}
		r.Keys = append(r.Keys, b)
	}
	return r
}

// shown is what a reading has for key i: the values as JSON, or - for no row.
func shown(r *asof.Reading, i int) string {
	if !r.Found[i] {
		return "-"
	}
	values := make([]string, len(r.Features))
	for c := range r.Features {
		values[c] = string(value.AppendJSON(nil, r.Value(c, i), value.Plain))
	}
	return strings.Join(values, " ")
}

func (o *online) update(views ...*asof.FeatureView) {
	o.Helper()
	for range 2 { // it is repeatable
		if err := o.store.Update(o.Context(), project, views, nil); err != nil {
			o.Fatal(err)
		}
	}
}

func (o *online) write(v *asof.FeatureView, rows string) (int64, error) {
	o.Helper()
	b := batch(o, v, rows)
	defer b.Release()
	return o.store.Write(o.Context(), project, v, b)
}

func (o *online) mustWrite(v *asof.FeatureView, rows string) int64 {
	o.Helper()
	n, err := o.write(v, rows)
	if err != nil {
		o.Fatal(err)
	}
	return n
}

func (o *online) read(v *asof.FeatureView, keys ...string) error {
	o.Helper()
	return o.store.Read(o.Context(), project, []*asof.Reading{reading(o, v, keys...)})
}

func (o *online) mustRead(v *asof.FeatureView, keys ...string) *asof.Reading {
	o.Helper()
	r := reading(o, v, keys...)
	if err := o.store.Read(o.Context(), project, []*asof.Reading{r}); err != nil {
		o.Fatal(err)
	}
	return r
}

func (o *online) holds(v *asof.FeatureView, key, want string) {
	o.Helper()
	if got := shown(o.mustRead(v, key), 0); got != want {
		o.Errorf("view %q, key %q holds %s, want %s", v.Name, key, got, want)
	}
}

// state is what the keys hold, as key@day=value.
func (o *online) state(v *asof.FeatureView, feature string, keys ...string) string {
	o.Helper()
	r := o.mustRead(v, keys...)
	var parts []string
	for i, key := range keys {
		if r.Found[i] {
			parts = append(parts, fmt.Sprintf("%s@%d=%s", key, time.UnixMicro(r.Events[i]).UTC().Day(), strings.Trim(shown(r, i), `"`)))
		}
	}
	return strings.Join(parts, " ")
}

func (o *online) fails(code asof.Code, says string, err error) {
	o.Helper()
	if err == nil || asof.ErrorCode(err) != code || !strings.Contains(err.Error(), says) {
		o.Errorf("got error %v (%s), want %s that says %q", err, asof.ErrorCode(err), code, says)
	}
}

func (o *online) batchOrNil(v *asof.FeatureView, rows string) arrow.RecordBatch {
	if rows == "" {
		return nil
	}
	return batch(o, v, rowsOf(rows))
}

func (o *online) keysOrNil(v *asof.FeatureView, keys string) arrow.RecordBatch {
	if keys == "" {
		return nil
	}
	var rows []string
	for key := range strings.SplitSeq(keys, ";") {
		rows = append(rows, fmt.Sprintf(`{"user": %q}`, key))
	}
	return records(o, []arrow.Field{{Name: "user", Type: arrow.BinaryTypes.String}}, "["+strings.Join(rows, ",")+"]")
}
