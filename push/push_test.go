package push_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/push"
)

func TestPushReachesEveryViewOfASource(t *testing.T) {
	b := newBench(t)
	if err := b.source("clicked", `{"user_id": ["ann", "bob"], "clicks": [3, "4"], "share": [0.1, 1], "other": [1, 2],
		"event_timestamp": ["2024-05-01T10:00:00", "2024-05-01 12:00:00+02:00"], "created": ["2024-05-01T10:00:01", null]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(clicks, "2024-05-01T10:00:00Z clicks=3 share=0.1", entitykey.String("ann"))
	b.holds(lasting, "2024-05-01T10:00:00Z share=0.1", entitykey.String("ann"))
	b.holds(clicks, "2024-05-01T10:00:00Z clicks=4 share=1.0", entitykey.String("bob"))
	// The source's own names. An older event changes nothing, and of one time the later created counts.
	if err := b.source("clicked", `{"uid": ["ann", "ann", "bob"], "n_clicks": [9, 5, 8], "share": [0.9, 0.5, 0.8],
		"at": ["2024-04-01", "2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z"], "loaded": ["2024-05-02", "2024-05-02", "2024-04-01"]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(clicks, "2024-05-01T10:00:00Z clicks=5 share=0.5", entitykey.String("ann"))
	b.holds(clicks, "2024-05-01T10:00:00Z clicks=4 share=1.0", entitykey.String("bob")) // created now, where it was not said
	for _, empty := range []string{`{}`, `{"user_id": [], "clicks": []}`} {
		if err := b.source("clicked", empty); err != nil {
			t.Errorf("%s: %v", empty, err)
		}
	}
}

func TestEveryTypeOfValue(t *testing.T) {
	b := newBench(t)
	if err := b.view("types", `{"user_id": ["Ann ß", "nil"], "shop": [9007199254740993, "7"], "i32": [-5, null], "f64": [0.1, "NaN"], "yes": [true, 0],
		"name": ["a \"ß\" 😀", null], "raw": ["AP8=", ""], "since": [1582977600, "2020-02-29T12:00:00Z"], "list": [[0.1, 2], []],
		"set": [[3, 1, 3], null], "map": [{"a": 1}, "{\"b\": \"x\"}"], "doc": ["{\"k\": [1]}", {"k": 2}],
		"id": ["6BA7B810-9DAD-11D1-80B4-00C04FD430C8", null], "created": ["a feature", "so called"],
		"event_timestamp": ["2024-05-01T10:00:00.0000001", "2024-05-01"]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(types, `2024-05-01T10:00:00.000001Z i32=-5 f64=0.1 yes=true name="a \"ß\" 😀" raw="AP8=" since="2020-02-29T12:00:00Z" list=[0.1,2.0] set=[3,1] map={"a":1} doc={"k":[1]} id="6ba7b810-9dad-11d1-80b4-00c04fd430c8" created="a feature"`,
		entitykey.String("Ann ß"), entitykey.Int64(9007199254740993))
	b.holds(types, `2024-05-01T00:00:00Z i32=null f64="NaN" yes=false name=null raw="" since="2020-02-29T12:00:00Z" list=[] set=null map={"b":"x"} doc={"k":2} id=null created="so called"`,
		entitykey.String("nil"), entitykey.Int64(7))
	if err := b.view("rates", `{"vat": [0.2], "event_timestamp": ["2024-01-01"]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(rates, "2024-01-01T00:00:00Z vat=0.2")
}

func TestOnDemandViewsAreComputedWhenWritten(t *testing.T) {
	b := newBench(t)
	stored, err := loyal.Stored()
	if err != nil {
		t.Fatal(err)
	}
	// The store was not made ready for the view: a client has registered it.
	if err := b.view("loyal", `{"user_id": ["ann", "bob"], "clicks": [3, null], "weight": [0.5, 2]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(stored, "2024-06-01T12:00:00Z score=1.5", entitykey.String("ann"))
	b.holds(stored, "2024-06-01T12:00:00Z score=null", entitykey.String("bob"))
	now = now.Add(time.Hour)
	defer func() { now = now.Add(-time.Hour) }()
	// Feast's SDK computes before it sends.
	if err := b.view("loyal", `{"user_id": ["ann"], "score": [7], "event_timestamp": ["2024-06-01T12:30:00"], "created": ["2024-06-01T12:30:00"]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(stored, "2024-06-01T12:30:00Z score=7.0", entitykey.String("ann"))
	if err := b.view("loyal", `{"user_id": ["bob", "bob", "eve", "eve"], "score": [7, 8], "event_timestamp": ["2024-06-01T12:30:00", "2024-06-01T12:30:00"]}`); err != nil {
		t.Fatal(err)
	}
	b.holds(stored, "2024-06-01T12:30:00Z score=8.0", entitykey.String("eve"))
	if err := b.view("loyal", `{"user_id": ["bob", "eve", "eve", "eve"], "score": [7, 8]}`); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("keys that are no pairs: %v", err)
	}
	target, err := b.View(t.Context(), "loyal", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Write(t.Context(), columns(t, `{"user_id": ["ann"], "clicks": [3], "weight": [0.5], "score": [8]}`)); err != nil {
		t.Fatal(err)
	}
	b.holds(stored, "2024-06-01T13:00:00Z score=8.0", entitykey.String("ann"))
}

func TestMistakesNameTheirPlaceAndWriteNothing(t *testing.T) {
	b := newBench(t)
	row := func(change ...string) string {
		r := strings.NewReplacer(change...)
		return r.Replace(`{"user_id": ["ann", "bob"], "clicks": [1, 2], "share": [0.1, 0.2], "event_timestamp": ["2024-05-01", "2024-05-02"]}`)
	}
	for _, c := range []struct{ rows, want string }{
		{row(" 2]", `"two"]`), `row 2, column "clicks": "two" does not fit Int32, the type of feature "clicks" of feature view "clicks"`},
		{row(" 2]", `2147483648]`), `row 2, column "clicks": 2147483648 does not fit Int32`},
		{row(" 2]", `1.5]`), `row 2, column "clicks": 1.5 does not fit Int32`},
		{row("0.2]", `"`+strings.Repeat("ß", 100)+`"]`), `row 2, column "share": "` + strings.Repeat("ß", 59) + `… does not fit Float32`},
		{row("0.2]", `{"a":1}]`), `row 2, column "share": {"a":1} does not fit Float32`},
		{row(`"bob"`, `null`), `row 2, column "user_id": null is no value of join key "user_id" of feature view "clicks"`},
		{row(`"2024-05-02"`, `null`), `row 2, column "event_timestamp": null is no time for the event timestamp of feature view "clicks"`},
		{row(`"2024-05-02"`, `"9999-12-31T23:59:59.9999999"`), `row 2, column "event_timestamp": the event timestamp of feature view "clicks" is outside of the years 1 to 9999`},
		{row(`"2024-05-01"`, `"0000-12-31T23:59:59"`), `row 1, column "event_timestamp": the event timestamp of feature view "clicks" is outside of the years 1 to 9999`},
		{row(`"2024-05-02"`, `"today"`), `row 2, column "event_timestamp": "today" is no time for the event timestamp of feature view "clicks"; write 2024-01-31T12:00:00, in UTC where it has no zone`},
		{row(`"2024-05-02"`, `1714608000000`), `row 2, column "event_timestamp": 1714608000000 is no time`},
		{row(`"event_timestamp"`, `"when"`), `column "at", the event timestamp of feature view "clicks", is missing: the rows have only user_id, clicks, share, when`},
		{row(`"clicks"`, `"klicks"`), `feature "clicks" of feature view "clicks" is missing: the rows have only user_id, klicks, share, event_timestamp`},
		{row(`"user_id"`, `"user"`), `join key "user_id" of feature view "clicks" is missing`},
		{row("[1, 2]", "[1]"), `column "user_id" has 2 values and column "clicks" has 1; every row needs one in each`},
		{row(`"share"`, `"clicks"`), `column "clicks" is there twice`},
		{row(`}`, `, "created": ["x", null]}`), `row 1, column "created": "x" is no time for the created timestamp of feature view "clicks"`},
	} {
		err := b.source("clicked", c.rows)
		if asof.ErrorCode(err) != asof.CodeInvalid || !strings.HasPrefix(fmt.Sprint(err), c.want) {
			t.Errorf("%s: %s: %v, want %s", c.rows, asof.ErrorCode(err), err, c.want)
		}
		b.holds(clicks, "nothing", entitykey.String("ann"))
		b.holds(lasting, "nothing", entitykey.String("ann"))
	}
	if err := b.view("loyal", `{"user_id": ["ann"], "clicks": [1]}`); asof.ErrorCode(err) != asof.CodeInvalid ||
		!strings.Contains(err.Error(), `"weight", which on-demand feature view "loyal" is computed from, is missing`) {
		t.Error(err)
	}
	lists := *types
	lists.Name, lists.Features = "lists", []asof.Field{field("list", asof.TypeFloat32List), field("raw", asof.TypeBytes)}
	if _, err := b.Registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{&lists}}); err != nil {
		t.Fatal(err)
	}
	for cells, want := range map[string]string{
		`"list": [[1], [1, null]], "raw": ["", ""]`: `row 2, column "list", feature "list" of feature view "lists": element 2 of the list is NULL`,
		`"list": [[1], 5], "raw": ["", ""]`:         `row 2, column "list": 5 does not fit Array(Float32)`,
		`"list": [[], []], "raw": ["", "*"]`:        `row 2, column "raw": "*", which is no base64, does not fit Bytes`,
		`"list": [[], []], "raw": ["", 5]`:          `row 2, column "raw": 5 does not fit Bytes`,
	} {
		err := b.view("lists", `{"user_id": ["a", "b"], "shop": [1, 2], "event_timestamp": ["2024-01-01", "2024-01-01"], `+cells+`}`)
		if asof.ErrorCode(err) != asof.CodeInvalid || !strings.HasPrefix(fmt.Sprint(err), want) {
			t.Errorf("%s: %v, want %s", cells, err, want)
		}
	}
}

func TestTargetsThatThereAreNot(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		err  error
		code asof.Code
		kind error
		want string
	}{
		{b.source("click", `{}`), asof.CodeNotFound, push.ErrNoSource, `push source "click" does not exist in project "shop"; did you mean "clicked"?`},
		{b.source("nothing", `{}`), asof.CodeNotFound, push.ErrNoSource, `"nothing" does not exist in project "shop"; known: clicked, idle`},
		{b.source("idle", `{}`), asof.CodeNotFound, push.ErrNoSource, `no feature view reads push source "idle"`},
		{b.source("history", `{}`), asof.CodeNotFound, push.ErrNoSource, `"history" is a file source, and rows are pushed to push sources`},
		{b.source("kept", `{}`), asof.CodeInvalid, nil, `push source "kept" feeds "unserved", which has online=False: push to "offline"`},
		{b.view("clik", `{}`), asof.CodeNotFound, nil, `feature view "clik" does not exist`},
		{b.view("unserved", `{}`), asof.CodeInvalid, nil, `online=False`},
		{b.view("fleeting", `{}`), asof.CodeInvalid, nil, `"fleeting" has write_to_online_store=False`},
	} {
		if asof.ErrorCode(c.err) != c.code || c.kind != nil && !errors.Is(c.err, c.kind) || !strings.Contains(fmt.Sprint(c.err), c.want) {
			t.Errorf("%s: %v, want %s: %s", asof.ErrorCode(c.err), c.err, c.code, c.want)
		}
	}
	if _, err := b.Source(t.Context(), "clicked", "both"); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("to both: %v", err)
	}
	b.Project = "nobody"
	if err := b.source("clicked", `{}`); asof.ErrorCode(err) != asof.CodeNotFound {
		t.Errorf("a project that was never applied: %v", err)
	}
}

// failing is an online store that fails for one view.
type failing struct {
	asof.OnlineStore
	view string
}

func (f *failing) Write(ctx context.Context, project string, v *asof.FeatureView, rows arrow.RecordBatch) (int64, error) {
	if v.Name == f.view {
		return 0, asof.Errorf(asof.CodeUnavailable, "the disk is full")
	}
	return f.OnlineStore.Write(ctx, project, v, rows)
}

func TestAFailureSaysWhatWasWritten(t *testing.T) {
	b := newBench(t)
	rows := `{"user_id": ["ann"], "clicks": [1], "share": [0.5], "event_timestamp": ["2024-05-01"]}`
	whole := b.Online
	b.Online = &failing{whole, "lasting"}
	err := b.source("clicked", rows)
	if asof.ErrorCode(err) != asof.CodeUnavailable || !strings.Contains(err.Error(), `the disk is full; online "clicks" took the rows already, and takes them again without harm`) {
		t.Errorf("%s: %v", asof.ErrorCode(err), err)
	}
	b.Online = whole
	b.holds(clicks, "2024-05-01T00:00:00Z clicks=1 share=0.5", entitykey.String("ann"))
	if err := b.source("clicked", rows); err != nil {
		t.Fatal(err)
	}
	b.holds(lasting, "2024-05-01T00:00:00Z share=0.5", entitykey.String("ann"))
	target, err := b.Source(t.Context(), "clicked", push.Online)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range target.Views() {
		names = append(names, v.Name)
	}
	if !slices.Equal(names, []string{"clicks", "lasting"}) {
		t.Errorf("the source feeds %q", names)
	}
}
