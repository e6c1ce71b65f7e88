package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/asof-dev/asof"
)

// OnlineGap is a part of the contract of asof.OnlineStore that a layout which
// is not ours has no means for. The suite then checks what is left of it.
type OnlineGap int

// The gaps. LastWins: no created time is stored, so at an equal event time the
// last call wins. RowByRow: a row is written whole or not at all, and a call
// with several rows is not. WholeSeconds: times are whole seconds. JoinedNames: a
// table's name is the project's and the view's, joined, cut, or in either case.
const (
	LastWins OnlineGap = iota + 1
	RowByRow
	WholeSeconds
	JoinedNames
)

// Online is the conformance suite of asof.OnlineStore. Each of its tests calls
// fresh for an empty place, and open for a store on that place: several stores
// on one place are several processes' view of it. Stores use entity keys of
// version 3 and are closed by the suite. The gaps are those of the layout.
func Online(t *testing.T, fresh func(t *testing.T) (open func() asof.OnlineStore), gaps ...OnlineGap) {
	for name, test := range map[string]func(*testing.T, *online){
		"unknown view":            unknownView,
		"newest wins":             newestWins,
		"nulls":                   onlineNulls,
		"all types":               onlineTypes,
		"composite keys":          compositeKeys,
		"names":                   onlineNames,
		"view without entities":   withoutEntities,
		"features come and go":    featuresComeAndGo,
		"join keys change":        joinKeysChange,
		"dropped views":           droppedViews,
		"restore":                 restore,
		"several views":           severalViews,
		"many keys":               manyKeys,
		"keys are listed":         keysAreListed,
		"bad rows":                badRows,
		"cancelled":               cancelled,
		"readers and writers":     readersAndWriters,
		"two stores on one place": twoStores,
	} {
		t.Run(name, func(t *testing.T) {
			open := fresh(t)
			o := &online{T: t, gaps: gaps, open: func() asof.OnlineStore {
				s := open()
				t.Cleanup(func() {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
				return s
			}}
			o.store = o.open()
			test(t, o)
		})
	}
}

const project = "shop"

// newestWins checks the order of rows: by event, then by created, then by
// coming; and the count, which is of keys that hold a row of the call.
func newestWins(t *testing.T, o *online) {
	v := userView("v", feature("x", asof.TypeString))
	o.update(v)
	for _, step := range []struct {
		rows     string // key, event, created, value
		written  int64
		want     string
		lastWins string // what it holds where the last call wins, if that is something else: then it is written
	}{
		{"a 2 - first", 1, "a@2=first", ""},
		{"a 1 - older", 0, "a@2=first", ""},
		{"a 1 9 older, created later", 0, "a@2=first", ""},
		{"a 2 - equal replaces", 1, "a@2=equal replaces", ""},
		{"a 2 5 created beats none", 1, "a@2=created beats none", ""},
		{"a 2 - none loses", 0, "a@2=created beats none", "a@2=none loses"},
		{"a 2 4 created earlier", 0, "a@2=created beats none", "a@2=created earlier"},
		{"a 2 5 created equal", 1, "a@2=created equal", ""},
		{"a 2 6 created later", 1, "a@2=created later", ""},
		{"a 3 1 newer", 1, "a@3=newer", ""},
		{"a 4 2 x;a 5 1 wins;a 5 - y;a 1 9 z", 1, "a@5=wins", ""},
		{"a 5 1 one;a 5 1 two", 1, "a@5=two", ""},
		{"a 4 1 older;b 1 1 new;b 0 9 x", 1, "a@5=two b@1=new", ""},
		{"a 6 1 p;b 6 1 q;c 6 1 r", 3, "a@6=p b@6=q c@6=r", ""},
		{"", 0, "a@6=p b@6=q c@6=r", ""},
	} {
		if step.lastWins != "" && o.has(LastWins) {
			step.written, step.want = 1, step.lastWins
		}
		written, err := o.write(v, rowsOf(step.rows))
		if err != nil {
			t.Fatalf("%s: %v", step.rows, err)
		}
		if written != step.written {
			t.Errorf("%s: %d keys written, want %d", step.rows, written, step.written)
		}
		if got := o.state(v, "x", "a", "b", "c"); got != step.want {
			t.Errorf("%s: the store holds %s, want %s", step.rows, got, step.want)
		}
	}
}

func onlineNulls(t *testing.T, o *online) {
	v := userView("v", feature("x", asof.TypeInt64), feature("y", asof.TypeBool))
	o.update(v)
	o.mustWrite(v, `[{"user": "a", "event_timestamp": "2024-01-01T00:00:00Z", "x": null, "y": false},
		{"user": "b", "event_timestamp": "2024-01-01T00:00:00Z"}]`)
	o.holds(v, "a", "null false")
	o.holds(v, "b", "null null")
	o.holds(v, "c", "-")
	o.mustWrite(v, `[{"user": "a", "event_timestamp": "2024-01-02T00:00:00Z", "x": 0, "y": null}]`)
	o.holds(v, "a", "0 null")
	_, err := o.write(v, `[{"user": null, "event_timestamp": "2024-01-01T00:00:00Z"}]`)
	o.fails(asof.CodeInvalid, "user", err)
}

func onlineTypes(t *testing.T, o *online) {
	v := userView("v", feature("i32", asof.TypeInt32), feature("i64", asof.TypeInt64), feature("f32", asof.TypeFloat32),
		feature("f64", asof.TypeFloat64), feature("b", asof.TypeBool), feature("s", asof.TypeString), feature("bytes", asof.TypeBytes),
		feature("t", asof.TypeUnixTimestamp), feature("list", asof.TypeFloat32List), feature("empty", asof.TypeStringList), feature("map", asof.TypeMap))
	o.update(v)
	o.mustWrite(v, `[{"user": "", "event_timestamp": "1969-12-31T23:59:59.999999Z", "i32": -1, "i64": 9007199254740993, "f32": 0.1, "f64": 0.1,
		"b": true, "s": "naïve \"😀\"\u0000", "bytes": "AP8=", "t": "2024-01-31T00:00:00Z", "list": [1.5, 0.1], "empty": [], "map": "{\"k\": [1]}"}]`)
	o.holds(v, "", `-1 9007199254740993 0.1 0.1 true "naïve \"😀\"\u0000" "AP8=" "2024-01-31T00:00:00Z" [1.5,0.1] [] {"k":[1]}`)
	want := int64(-1)
	if o.has(WholeSeconds) {
		want = -1e6
	}
	if r := o.mustRead(v, ""); r.Events[0] != want {
		t.Errorf("an event before 1970 reads as %d, want %d", r.Events[0], want)
	}
}

func compositeKeys(t *testing.T, o *online) {
	v := userView("v", feature("x", asof.TypeInt64))
	v.EntityColumns = []asof.Field{feature("user", asof.TypeString), feature("item", asof.TypeString), feature("day", asof.TypeInt32)}
	o.update(v)
	o.mustWrite(v, `[{"user": "1", "item": "11", "day": 1, "event_timestamp": "2024-01-01T00:00:00Z", "x": 1},
		{"user": "11", "item": "1", "day": 1, "event_timestamp": "2024-01-01T00:00:00Z", "x": 2},
		{"user": "1", "item": "11", "day": -1, "event_timestamp": "2024-01-01T00:00:00Z", "x": 3}]`)
	for i, key := range []string{"1|11|1", "11|1|1", "1|11|-1"} {
		o.holds(v, key, fmt.Sprint(i+1))
	}
	o.holds(v, "1|1|11", "-")
}

func restore(t *testing.T, o *online) {
	v := userView("v", feature("x", asof.TypeString))
	o.update(v)
	for _, step := range []struct{ write, set, remove, want string }{
		{"a 5 5 five;b 5 5 five;c 5 5 five", "", "", "a@5=five b@5=five c@5=five"},
		{"", "a 2 1 older", "", "a@2=older b@5=five c@5=five"},
		{"", "a 2 - none", "", "a@2=none b@5=five c@5=five"},
		{"a 2 1 newer again", "", "", "a@2=newer again b@5=five c@5=five"},
		{"", "c 1 1 x;d 9 9 new", "b;nobody", "a@2=newer again c@1=x d@9=new"},
		{"", "", "a;c;d", ""},
		{"a 1 1 after", "", "", "a@1=after"},
	} {
		if step.write != "" {
			o.mustWrite(v, rowsOf(step.write))
		}
		set, remove := o.batchOrNil(v, step.set), o.keysOrNil(v, step.remove)
		if err := o.store.Restore(t.Context(), project, v, set, remove); err != nil {
			t.Fatal(err)
		}
		if got := o.state(v, "x", "a", "b", "c", "d"); got != step.want {
			t.Errorf("%+v: the store holds %s", step, got)
		}
	}
}

func manyKeys(t *testing.T, o *online) {
	const n = 3000
	v := userView("v", feature("x", asof.TypeInt64))
	o.update(v)
	if written := o.mustWrite(v, numbered(n, 7)); written != n {
		t.Fatalf("%d keys written, want %d", written, n)
	}
	var keys []string
	for i := n + 500; i >= 0; i-- {
		keys = append(keys, fmt.Sprint(i))
	}
	r := o.mustRead(v, keys...)
	for i, key := range keys {
		want := "7"
		if i < 501 {
			want = "-"
		}
		if got := shown(r, i); got != want {
			t.Fatalf("key %s holds %s, want %s", key, got, want)
		}
	}
}

// keysAreListed lists the keys of a view, and none of another view of the same
// entity or of another project, where the store has the power to.
func keysAreListed(t *testing.T, o *online) {
	lister, ok := o.store.(asof.KeyLister)
	if !ok {
		return
	}
	const n = 25_000
	v, empty := userView("v", feature("x", asof.TypeInt64)), userView("empty", feature("x", asof.TypeInt64))
	other, elsewhere := userView("other", feature("x", asof.TypeInt64)), "work"+project
	o.update(v, empty, other)
	o.mustWrite(v, numbered(n, 7))
	o.mustWrite(v, numbered(10, 8))
	o.mustWrite(other, `[{"user": "of another view", "event_timestamp": "2024-01-01T00:00:00Z", "x": 1}]`)
	if err := o.store.Update(t.Context(), elsewhere, []*asof.FeatureView{v}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := o.store.Write(t.Context(), elsewhere, v, batch(t, v, `[{"user": "elsewhere", "event_timestamp": "2024-01-01T00:00:00Z", "x": 1}]`)); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, view := range []*asof.FeatureView{v, empty} {
		if err := lister.Keys(t.Context(), project, view, func(keys [][]byte) error {
			for _, key := range keys {
				seen[string(key)] = true
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != n || !seen[string(reading(t, v, "24999").Keys[0])] {
		t.Errorf("%d keys are listed, want %d", len(seen), n)
	}
	enough := errors.New("enough")
	if err := lister.Keys(t.Context(), project, v, func([][]byte) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("a list that is ended: %v", err)
	}
	o.fails(asof.CodeNotFound, "apply", lister.Keys(t.Context(), project, userView("unknown"), func([][]byte) error { return nil }))
}

// badRows checks that a call that fails changes nothing.
func badRows(t *testing.T, o *online) {
	v := userView("v", feature("x", asof.TypeInt64List))
	o.update(v)
	o.mustWrite(v, `[{"user": "a", "event_timestamp": "2024-01-01T00:00:00Z", "x": [1]}]`)
	_, err := o.write(v, `[{"user": "a", "event_timestamp": "2024-01-02T00:00:00Z", "x": [2]}, {"user": "b", "event_timestamp": "2024-01-02T00:00:00Z", "x": [null]}]`)
	o.fails(asof.CodeInvalid, `"x"`, err)
	_, err = o.write(v, `[{"user": "a", "event_timestamp": null, "x": [2]}]`)
	o.fails(asof.CodeInvalid, "event timestamp", err)
	other := userView("v", feature("x", asof.TypeInt64List), feature("unknown", asof.TypeInt64))
	_, err = o.write(other, `[{"user": "a", "event_timestamp": "2024-01-02T00:00:00Z", "unknown": 2}]`)
	o.fails(asof.CodeNotFound, "apply", err)
	o.holds(v, "a", "[1]")
	o.holds(v, "b", "-")
}
