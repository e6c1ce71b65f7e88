package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof-dev/asof"
)

// Online is the conformance suite of asof.OnlineStore. Each of its tests calls
// fresh for an empty place, and open for a store on that place: several stores
// on one place are several processes' view of it. Stores use entity keys of
// version 3 and are closed by the suite.
func Online(t *testing.T, fresh func(t *testing.T) (open func() asof.OnlineStore)) {
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
		"bad rows":                badRows,
		"cancelled":               cancelled,
		"readers and writers":     readersAndWriters,
		"two stores on one place": twoStores,
	} {
		t.Run(name, func(t *testing.T) {
			open := fresh(t)
			o := &online{T: t, open: func() asof.OnlineStore {
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

func unknownView(t *testing.T, o *online) {
	v := userView("v", feature("x", asof.TypeInt64))
	o.fails(asof.CodeNotFound, "apply", o.read(v, "1"))
	_, err := o.write(v, `[{"user": "1", "event_timestamp": "2024-01-01T00:00:00Z", "x": 1}]`)
	o.fails(asof.CodeNotFound, "apply", err)
	o.update(userView("other"))
	o.fails(asof.CodeNotFound, "apply", o.read(v, "1"))
}

// newestWins checks the order of rows: by event, then by created, then by
// coming; and the count, which is of keys that hold a row of the call.
func newestWins(t *testing.T, o *online) {
	v := userView("v", feature("x", asof.TypeString))
	o.update(v)
	for _, step := range []struct {
		rows    string // key, event, created, value
		written int64
		want    string
	}{
		{"a 2 - first", 1, "a@2=first"},
		{"a 1 - older", 0, "a@2=first"},
		{"a 1 9 older, created later", 0, "a@2=first"},
		{"a 2 - equal replaces", 1, "a@2=equal replaces"},
		{"a 2 5 created beats none", 1, "a@2=created beats none"},
		{"a 2 - none loses", 0, "a@2=created beats none"},
		{"a 2 4 created earlier", 0, "a@2=created beats none"},
		{"a 2 5 created equal", 1, "a@2=created equal"},
		{"a 2 6 created later", 1, "a@2=created later"},
		{"a 3 1 newer", 1, "a@3=newer"},
		{"a 4 2 x;a 5 1 wins;a 5 - y;a 1 9 z", 1, "a@5=wins"},
		{"a 5 1 one;a 5 1 two", 1, "a@5=two"},
		{"a 4 1 older;b 1 1 new;b 0 9 x", 1, "a@5=two b@1=new"},
		{"a 6 1 p;b 6 1 q;c 6 1 r", 3, "a@6=p b@6=q c@6=r"},
		{"", 0, "a@6=p b@6=q c@6=r"},
	} {
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
	if r := o.mustRead(v, ""); r.Events[0] != -1 {
		t.Errorf("an event before 1970 reads as %d, want -1", r.Events[0])
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

// onlineNames uses names that are no identifiers of any database, and names
// that only differ behind the 63 bytes that PostgreSQL keeps.
func onlineNames(t *testing.T, o *online) {
	long := strings.Repeat("long_", 30)
	names := []string{"plain", "Plain", `quo"te`, "semi;colon", "naïve ★ 表", "with space", "a_b", long + "1", long + "2"}
	projects := []string{"a", "a_b", "Ünïcode", long, long + "x"}
	for p, project := range projects {
		var views []*asof.FeatureView
		for _, name := range names {
			views = append(views, userView(name, feature("é feature", asof.TypeInt64)))
		}
		if err := o.store.Update(t.Context(), project, views, nil); err != nil {
			t.Fatal(err)
		}
		for n, v := range views {
			rows := fmt.Sprintf(`[{"user": "ключ", "event_timestamp": "2024-01-01T00:00:00Z", "é feature": %d}]`, 100*p+n)
			if _, err := o.store.Write(t.Context(), project, v, batch(t, v, rows)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for p, project := range projects {
		for n, name := range names {
			v := userView(name, feature("é feature", asof.TypeInt64))
			r := reading(t, v, "ключ")
			if err := o.store.Read(t.Context(), project, []*asof.Reading{r}); err != nil {
				t.Fatal(err)
			}
			if got, want := shown(r, 0), fmt.Sprint(100*p+n); got != want {
				t.Errorf("project %q, view %q holds %s, want %s", project, name, got, want)
			}
		}
	}
}

func withoutEntities(t *testing.T, o *online) {
	for _, columns := range [][]asof.Field{nil, {feature(asof.DummyJoinKey, asof.TypeString)}} {
		v := userView(fmt.Sprint("v", len(columns)), feature("x", asof.TypeInt64))
		v.Entities, v.EntityColumns = []string{asof.DummyEntity}, columns
		o.update(v)
		written := o.mustWrite(v, `[{"event_timestamp": "2024-01-01T00:00:00Z", "x": 1}, {"event_timestamp": "2024-01-02T00:00:00Z", "x": 2}]`)
		if written != 1 {
			t.Errorf("%d keys written to a view without entities", written)
		}
		o.holds(v, "", "2")
	}
}

func featuresComeAndGo(t *testing.T, o *online) {
	x, y, z := feature("x", asof.TypeInt64), feature("y", asof.TypeInt64), feature("z", asof.TypeString)
	all := userView("v", x, y, z)
	o.update(all)
	o.mustWrite(all, `[{"user": "a", "event_timestamp": "2024-01-01T00:00:00Z", "x": 1, "y": 2, "z": "three"}]`)
	for _, step := range []struct {
		view *asof.FeatureView
		want string
	}{
		{all, `1 2 "three"`},
		{userView("v", z, x, y), `"three" 1 2`},
		{userView("v", x, feature("new", asof.TypeInt64), z), `1 null "three"`},
		{all, `1 null "three"`},
		{userView("v", x, y, feature("z", asof.TypeInt64)), `1 null null`},
		{all, `1 null null`},
	} {
		o.update(step.view)
		o.holds(step.view, "a", step.want)
	}
	o.mustWrite(all, `[{"user": "a", "event_timestamp": "2024-01-01T00:00:00Z", "x": 4, "y": 5, "z": "six"}]`)
	o.holds(all, "a", `4 5 "six"`)
}

func joinKeysChange(t *testing.T, o *online) {
	v := userView("v", feature("x", asof.TypeInt64))
	o.update(v)
	o.mustWrite(v, `[{"user": "a", "event_timestamp": "2024-01-01T00:00:00Z", "x": 1}]`)
	other := userView("v", feature("x", asof.TypeInt64))
	other.EntityColumns = []asof.Field{feature("item", asof.TypeString)}
	o.update(other)
	o.holds(other, "a", "-")
	o.update(v)
	o.holds(v, "a", "-")
}

func droppedViews(t *testing.T, o *online) {
	v, w := userView("v", feature("x", asof.TypeInt64)), userView("w", feature("x", asof.TypeInt64))
	rows := `[{"user": "a", "event_timestamp": "2024-01-01T00:00:00Z", "x": 1}]`
	o.update(v, w)
	o.mustWrite(v, rows)
	o.mustWrite(w, rows)
	for range 2 { // dropping what is gone is no error
		if err := o.store.Update(t.Context(), project, nil, []string{"v"}); err != nil {
			t.Fatal(err)
		}
	}
	o.fails(asof.CodeNotFound, `"v"`, o.read(v, "a"))
	o.holds(w, "a", "1")
	o.update(v)
	o.holds(v, "a", "-")
	if err := o.store.Teardown(t.Context(), "elsewhere", []string{"v", "w"}); err != nil {
		t.Fatal(err)
	}
	o.holds(w, "a", "1")
	for range 2 {
		if err := o.store.Teardown(t.Context(), project, []string{"v", "w"}); err != nil {
			t.Fatal(err)
		}
	}
	o.fails(asof.CodeNotFound, `"w"`, o.read(w, "a"))
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

func severalViews(t *testing.T, o *online) {
	v, w := userView("v", feature("x", asof.TypeInt64), feature("y", asof.TypeInt64)), userView("w", feature("x", asof.TypeString))
	o.update(v, w)
	o.mustWrite(v, `[{"user": "a", "event_timestamp": "2024-01-01T00:00:00Z", "x": 1, "y": 2}]`)
	o.mustWrite(w, `[{"user": "b", "event_timestamp": "2024-01-01T00:00:00Z", "x": "w"}]`)
	first, second, third := reading(t, v, "a", "b"), reading(t, w, "c", "b", "a"), reading(t, v, "a")
	first.Features, third.Features = []string{"y", "x"}, []string{"x", "unknown"}
	for range 2 { // readings may be used again
		if err := o.store.Read(t.Context(), project, []*asof.Reading{first, second, third}); err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(shown(first, 0), "; ", shown(first, 1), "; ", shown(second, 0), "; ", shown(second, 1), "; ", shown(second, 2), "; ", shown(third, 0))
		if want := `2 1; -; -; "w"; -; 1 null`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if err := o.store.Read(t.Context(), project, nil); err != nil {
		t.Errorf("reading nothing: %v", err)
	}
	missing := reading(t, userView("missing"), "a")
	o.fails(asof.CodeNotFound, `"missing"`, o.store.Read(t.Context(), project, []*asof.Reading{first, missing}))
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

func cancelled(t *testing.T, o *online) {
	v := userView("v", feature("x", asof.TypeInt64))
	o.update(v)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.store.Write(ctx, project, v, batch(t, v, numbered(10, 1))); err == nil {
		t.Error("a write went through although it was cancelled")
	}
	if err := o.store.Read(ctx, project, []*asof.Reading{reading(t, v, "1")}); err == nil {
		t.Error("a read went through although it was cancelled")
	}
	o.holds(v, "1", "-")
}

// readersAndWriters checks that readers see a write whole or not at all, and
// that writers at the same keys leave the newest.
func readersAndWriters(t *testing.T, o *online) {
	const n, writes = 300, 20
	v := userView("v", feature("x", asof.TypeInt64))
	o.update(v)
	o.mustWrite(v, numbered(n, 0))
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for w := range 2 {
		writers.Go(func() {
			for i := range writes {
				if _, err := o.store.Write(t.Context(), project, v, batch(t, v, numbered(n, 2*i+w))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprint(i)
	}
	for range 3 {
		readers.Go(func() {
			r := reading(t, v, keys...)
			for {
				if err := o.store.Read(t.Context(), project, []*asof.Reading{r}); err != nil {
					t.Error(err)
					return
				}
				for i := range keys {
					if shown(r, i) != shown(r, 0) {
						t.Errorf("half a write was read: key %d holds %s, key 0 %s", i, shown(r, i), shown(r, 0))
						return
					}
				}
				select {
				case <-done:
					return
				case <-time.After(time.Millisecond):
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	o.holds(v, "0", fmt.Sprint(2*writes-1))
}

// twoStores checks that what one store changes, the other sees.
func twoStores(t *testing.T, o *online) {
	v := userView("v", feature("x", asof.TypeInt64))
	rows := `[{"user": "a", "event_timestamp": "2024-01-01T00:00:00Z", "x": 1}]`
	server := &online{T: t, store: o.open()}
	server.fails(asof.CodeNotFound, "apply", server.read(v, "a"))
	o.update(v)
	server.holds(v, "a", "-")
	o.mustWrite(v, rows)
	server.holds(v, "a", "1")
	changed := userView("v", feature("x", asof.TypeString))
	o.update(changed)
	server.holds(changed, "a", "null")
	o.update(v)
	server.holds(v, "a", "null")
	if err := o.store.Update(t.Context(), project, nil, []string{"v"}); err != nil {
		t.Fatal(err)
	}
	server.fails(asof.CodeNotFound, "apply", server.read(v, "a"))
	o.update(v)
	server.holds(v, "a", "-")
	server.mustWrite(v, rows)
	o.holds(v, "a", "1")
}
