package serving_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/serving"
)

// Statuses below are P for present, N for a stored null, - for no row and X for
// a row older than the view's ttl.
func TestRead(t *testing.T) {
	s := newShop(t, serving.Options{})
	full := features("profile:age", "usage:age")
	full.FullNames = true
	for name, c := range map[string]struct {
		sel      serving.Selection
		entities []serving.Column
		want     string
		keys     int64 // that the store is asked for, in all views
	}{
		"features in the order asked, from several views": {
			features("usage:hours", "profile:senior", "profile:fee", "profile:name"), []serving.Column{texts("user_id", "ann")},
			"user_id: \"ann\"P\nhours: 1.5P03T12\nsenior: falseP01T00\nfee: 45.25P01T00\nname: \"Ann \\\"ß\\\"\"P01T00", 2},
		"a null, a stale row of exactly the ttl and one older, an unknown user": {
			features("profile:age", "usage:hours"), []serving.Column{texts("user_id", "ann", "bob", "eve")},
			"user_id: \"ann\"P \"bob\"P \"eve\"P\nage: 30P01T00 nullN02T00 null-\nhours: 1.5P03T12 2.5X03T11 null-", 6},
		"keys that come again are read once": {
			features("profile:age"), []serving.Column{texts("user_id", "eve", "ann", "eve", "ann", "ann")},
			"user_id: \"eve\"P \"ann\"P \"eve\"P \"ann\"P \"ann\"P\nage: null- 30P01T00 null- 30P01T00 30P01T00", 2},
		"an entity's name for its join key": {
			features("profile:age"), []serving.Column{texts("user", "ann")}, "user_id: \"ann\"P\nage: 30P01T00", 1},
		"full names tell features of one name apart": {
			full, []serving.Column{texts("user_id", "ann")}, "user_id: \"ann\"P\nprofile__age: 30P01T00\nusage__age: 1P03T12", 2},
		"a service, in its own order": {
			serving.Selection{Service: "churn"}, []serving.Column{texts("user_id", "ann")},
			"user_id: \"ann\"P\nhours: 1.5P03T12\nfee: 45.25P01T00\nage: 30P01T00", 2},
		"one view twice, with other join keys": {
			serving.Selection{Service: "pair", FullNames: true}, []serving.Column{texts("seller_id", "bob"), texts("buyer_id", "ann")},
			"seller_id: \"bob\"P\nbuyer_id: \"ann\"P\nbuyer__name: \"Ann \\\"ß\\\"\"P01T00\nseller__name: \"Bob\"P02T00", 2},
		"two join keys": {
			features("visits:visited", "stores:rating"), []serving.Column{numbers("store_id", "7", "7"), texts("user_id", "ann", "bob")},
			"store_id: 7P 7P\nuser_id: \"ann\"P \"bob\"P\nvisited: 3P01T00 null-\nrating: 10.0P01T00 10.0P01T00", 3},
		"an integer as a string, as command lines have it": {
			features("stores:rating"), []serving.Column{texts("store_id", "7")}, "store_id: 7P\nrating: 10.0P01T00", 1},
		"an integer as data frames write it": {
			features("stores:rating"), []serving.Column{numbers("store_id", "7.0", "7e0")}, "store_id: 7P 7P\nrating: 10.0P01T00 10.0P01T00", 1},
		"a view without entities": {
			features("rates:vat", "profile:age"), []serving.Column{texts("user_id", "ann", "bob")},
			"user_id: \"ann\"P \"bob\"P\nvat: 0.19P01T00 0.19P01T00\nage: 30P01T00 nullN02T00", 3},
		"a view without entities, alone":           {features("rates:vat"), nil, "vat: 0.19P01T00", 1},
		"a view without entities, with its filler": {features("rates:vat"), []serving.Column{texts(asof.DummyJoinKey, "", "")}, "vat: 0.19P01T00 0.19P01T00", 1},
		"a join key that nothing needs is repeated": {
			features("stores:rating"), []serving.Column{texts("user_id", "x"), numbers("store_id", "8")}, "user_id: \"x\"P\nstore_id: 8P\nrating: null-", 1},
		"request data of an on-demand view": {
			features("stores:rating"), []serving.Column{numbers("amount", "1.5"), numbers("store_id", "8")}, "store_id: 8P\nrating: null-", 1},
		"on-demand features, computed from what is read and what is sent, in one round trip": {
			features("computed:sum", "profile:name", "computed:big", "plain:label", "computed:who"), []serving.Column{texts("user_id", "ann", "bob", "eve"), numbers("amount", "1.5", "2", "3")},
			"user_id: \"ann\"P \"bob\"P \"eve\"P\nsum: 31.5P nullP nullP\nname: \"Ann \\\"ß\\\"\"P01T00 \"Bob\"P02T00 null-\nbig: trueP falseP falseP\nlabel: \"30\"P nullP nullP\nwho: \"ANN\"P \"BOB\"P \"EVE\"P", 3},
		"on-demand features of a service": {
			serving.Selection{Service: "with_computed", FullNames: true}, []serving.Column{texts("user_id", "ann"), texts("amount", "-1")},
			"user_id: \"ann\"P\nc__sum: 29.0P", 1},
		"on-demand features that are stored": {
			features("loyal:years", "profile:age", "loyal:note"), []serving.Column{texts("user_id", "ann", "bob")},
			"user_id: \"ann\"P \"bob\"P\nyears: 3P04T00 null-\nage: 30P01T00 nullN02T00\nnote: nullN04T00 null-", 4},
		"on-demand features of no rows": {features("plain:label"), []serving.Column{texts("user_id"), texts("amount")}, "user_id:\nlabel:", 0},
		"the name of a feature alone": {
			features("fee"), []serving.Column{texts("user_id", "ann")}, "user_id: \"ann\"P\nfee: 45.25P01T00", 1},
		"no rows": {features("profile:age"), []serving.Column{texts("user_id")}, "user_id:\nage:", 0},
	} {
		t.Run(name, func(t *testing.T) {
			reads, keys := s.store.reads.Load(), s.store.keys.Load()
			got, err := s.read(c.sel, c.entities...)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if n := s.store.keys.Load() - keys; n != c.keys {
				t.Errorf("the store was asked for %d keys, want %d", n, c.keys)
			}
			if n := s.store.reads.Load() - reads; n > 1 {
				t.Errorf("the store was read %d times", n)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	s := newShop(t, serving.Options{MaxEntities: 3})
	ann := texts("user_id", "ann")
	twice := features("profile:age", "profile:age")
	twice.FullNames = true
	for name, c := range map[string]struct {
		sel      serving.Selection
		entities []serving.Column
		code     asof.Code
		fault    serving.Fault
		says     string
	}{
		"view":            {features("profil:age"), []serving.Column{ann}, asof.CodeNotFound, serving.FaultNoView, `did you mean "profile"`},
		"feature":         {features("profile:agee"), []serving.Column{ann}, asof.CodeNotFound, serving.FaultNoFeature, `did you mean "age"`},
		"bare feature":    {features("agee"), []serving.Column{ann}, asof.CodeNotFound, serving.FaultNoFeature, `did you mean "age"`},
		"ambiguous":       {features("age"), []serving.Column{ann}, asof.CodeInvalid, "", `"profile" and "usage"; ask for profile:age`},
		"service":         {serving.Selection{Service: "chrun"}, []serving.Column{ann}, asof.CodeNotFound, serving.FaultNoService, `did you mean "churn"`},
		"column":          {features("profile:age"), []serving.Column{ann, texts("user_ids", "x")}, asof.CodeNotFound, serving.FaultNoEntity, `column "user_ids" of the request is neither a join key nor an entity of this project; did you mean "user_id"`},
		"reference":       {features("a:b:c"), []serving.Column{ann}, asof.CodeInvalid, "", "write it as view:feature"},
		"empty reference": {features(""), []serving.Column{ann}, asof.CodeInvalid, "", "write it as view:feature"},
		"nothing":         {serving.Selection{}, []serving.Column{ann}, asof.CodeInvalid, "", "no features are asked for"},
		"both":            {serving.Selection{Service: "churn", Features: []string{"profile:age"}}, []serving.Column{ann}, asof.CodeInvalid, "", "ask for one of them"},
		"on demand":       {features("windowed:x"), []serving.Column{ann}, asof.CodeInvalid, "", "line 2 of the function (df['x'] = df['age'].rolling(2)): .rolling() of a column takes other rows into account"},
		"on-demand bare":  {features("sum"), []serving.Column{ann}, asof.CodeNotFound, serving.FaultNoRequestData, `request data "amount", which on-demand feature view "computed" needs, is missing`},
		"request data":    {features("plain:label"), []serving.Column{ann, texts("amount", "much")}, asof.CodeInvalid, "", `row 1: "amount", which on-demand feature view "plain" needs: "much" does not fit Float64`},
		"of on-demand":    {features("computed:sun"), []serving.Column{ann}, asof.CodeNotFound, serving.FaultNoFeature, `"computed" has no feature "sun"; did you mean "sum"?`},
		"disabled":        {features("disabled:old"), []serving.Column{ann}, asof.CodeInvalid, "", `"disabled" is disabled`},
		"offline":         {features("offline_only:secret"), []serving.Column{ann}, asof.CodeInvalid, "", "online=False"},
		"collision":       {features("profile:age", "usage:age"), []serving.Column{ann}, asof.CodeInvalid, serving.FaultNameCollision, `profile:age and usage:age would both be named "age"; ask with full_feature_names`},
		"asked twice":     {twice, []serving.Column{ann}, asof.CodeInvalid, serving.FaultNameCollision, "profile:age is asked for twice"},
		"alias collision": {serving.Selection{Service: "pair"}, []serving.Column{ann}, asof.CodeInvalid, serving.FaultNameCollision, "buyer:name and seller:name"},
		"no join key":     {features("profile:age"), nil, asof.CodeInvalid, "", `join key "user_id", which feature view "profile" needs, is missing: the request has no columns`},
		"other join key":  {features("visits:visited"), []serving.Column{ann}, asof.CodeInvalid, "", `join key "store_id", which feature view "visits" needs, is missing: the request has only "user_id"`},
		"mapped join key": {serving.Selection{Service: "pair", FullNames: true}, []serving.Column{ann}, asof.CodeInvalid, "", `join key "buyer_id" and "seller_id"`},
		"lengths":         {features("visits:visited"), []serving.Column{ann, numbers("store_id", "1", "2")}, asof.CodeInvalid, "", `column "user_id" has 1 values and column "store_id" has 2`},
		"key twice":       {features("profile:age"), []serving.Column{ann, texts("user", "x")}, asof.CodeInvalid, "", `join key "user_id" twice`},
		"too many":        {features("profile:age"), []serving.Column{texts("user_id", "1", "2", "3", "4")}, asof.CodeInvalid, "", "has 4 entity rows, and the limit is 3"},
		"null key":        {features("profile:age"), []serving.Column{{Name: "user_id", Values: []serving.Cell{serving.Text("x"), {}}}}, asof.CodeInvalid, "", `row 2: null cannot be the value of join key "user_id" (String)`},
		"number as text":  {features("profile:age"), []serving.Column{numbers("user_id", "5.5")}, asof.CodeInvalid, "", `row 1: 5.5 cannot be the value of join key "user_id" (String): it is no string`},
		"text as number":  {features("stores:rating"), []serving.Column{texts("store_id", "7", "x\n")}, asof.CodeInvalid, "", `row 2: "x\n" cannot be the value of join key "store_id" (Int64): it is no whole number`},
		"fraction":        {features("stores:rating"), []serving.Column{numbers("store_id", "7.5")}, asof.CodeInvalid, "", "no whole number"},
		"too large":       {features("stores:rating"), []serving.Column{numbers("store_id", "9223372036854775808")}, asof.CodeInvalid, "", "no whole number"},
		"boolean":         {features("stores:rating"), []serving.Column{{Name: "store_id", Values: []serving.Cell{serving.Other("true")}}}, asof.CodeInvalid, "", "true cannot be"},
		"no UTF-8":        {features("profile:age"), []serving.Column{texts("user_id", "\xff")}, asof.CodeInvalid, "", "no UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := s.read(c.sel, c.entities...)
			if err == nil {
				t.Fatalf("answered\n%s", got)
			}
			var f serving.Fault
			errors.As(err, &f)
			if asof.ErrorCode(err) != c.code || f != c.fault || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %s, %q: %v\nwant %s, %q: … %s …", asof.ErrorCode(err), f, err, c.code, c.fault, c.says)
			}
		})
	}
	if n := s.store.reads.Load(); n != 0 {
		t.Errorf("mistakes reached the store %d times", n)
	}
}

func TestKeyTypes(t *testing.T) {
	s := newShop(t, serving.Options{})
	for _, c := range []struct {
		typ        asof.ValueType
		stored     string // Arrow's JSON
		good, bad  []serving.Cell
		wantAnswer string
	}{
		{asof.TypeInt32, `-5`, []serving.Cell{serving.Number("-5"), serving.Text("-5")}, []serving.Cell{serving.Number("2147483648"), serving.Text("5 ")}, "-5"},
		{asof.TypeInt64, `9007199254740993`, []serving.Cell{serving.Number("9007199254740993")}, []serving.Cell{serving.Number("1e30"), serving.Text("5.0")}, "9007199254740993"},
		{asof.TypeUnixTimestamp, `"2024-01-31T00:00:00Z"`, []serving.Cell{serving.Number("1706659200"), serving.Text("2024-01-31"), serving.Text("2024-01-31T01:00:00+01:00")},
			[]serving.Cell{serving.Text("2024-01-31T00:00:00.5Z"), serving.Text("soon")}, `"2024-01-31T00:00:00Z"`},
		{asof.TypeBytes, `"AP8="`, []serving.Cell{serving.Text("AP8=")}, []serving.Cell{serving.Text("?"), serving.Number("1")}, `"AP8="`},
		{asof.TypeString, `"-12"`, []serving.Cell{serving.Text("-12"), serving.Number("-12")}, []serving.Cell{serving.Number("-12.0"), {}}, `"-12"`},
		{asof.TypeString, `"ключ/ß\u0000"`, []serving.Cell{serving.Text("ключ/ß\x00")}, []serving.Cell{serving.Other("[]")}, `"ключ/ß\u0000"`},
	} {
		v := &asof.FeatureView{Name: "keyed", Entities: []string{"thing"}, Online: true, Enabled: true,
			EntityColumns: []asof.Field{field("id", c.typ)}, Features: []asof.Field{field("x", asof.TypeInt64)}}
		s.apply(v, &asof.Entity{Name: "thing", JoinKey: "id", ValueType: c.typ})
		s.update(v)
		s.write(v, `[{"id": `+c.stored+`, "event_timestamp": "2024-01-01T00:00:00Z", "x": 1}]`)
		s.reader = reader(t, serving.Options{Registry: s.registry, Online: s.store, Project: project})
		for _, cell := range c.good {
			got, err := s.read(features("keyed:x"), serving.Column{Name: "id", Values: []serving.Cell{cell}})
			if want := "id: " + c.wantAnswer + "P\nx: 1P01T00"; err != nil || got != want {
				t.Errorf("%s from %+v: got %s, %v; want %s", asof.Scalar(c.typ), cell, got, err, want)
			}
		}
		for _, cell := range c.bad {
			_, err := s.read(features("keyed:x"), serving.Column{Name: "id", Values: []serving.Cell{cell}})
			if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), `join key "id" (`+asof.Scalar(c.typ).String()) {
				t.Errorf("%s from %+v: got %v, want an error that names the join key", asof.Scalar(c.typ), cell, err)
			}
		}
	}
}

func reader(t *testing.T, o serving.Options) *serving.Reader {
	t.Helper()
	r, err := serving.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestExpiredIsDropped(t *testing.T) {
	s := newShop(t, serving.Options{OnExpired: "drop"})
	got, err := s.read(features("usage:hours", "profile:age"), texts("user_id", "ann", "bob"))
	if want := "user_id: \"ann\"P \"bob\"P\nhours: 1.5P03T12 nullX03T11\nage: 30P01T00 nullN02T00"; err != nil || got != want {
		t.Errorf("got\n%s, %v\nwant\n%s", got, err, want)
	}
	if _, err := serving.New(serving.Options{OnExpired: "forget"}); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("on_expired forget: got %v", err)
	}
}

func TestReadKey(t *testing.T) {
	s := newShop(t, serving.Options{})
	for _, c := range []struct {
		key  string
		sel  serving.Selection
		want string
	}{
		{"ann", features("fee", "usage:hours"), `{"user_id":"ann","features":{"fee":45.25,"hours":1.5}}`},
		{"bob", features("fee", "profile:age"), `{"user_id":"bob","features":{"fee":0.1,"age":null}}`},
		{"7", features("rating"), `{"store_id":7,"features":{"rating":10.0}}`},
		{"eve", serving.Selection{Service: "churn", FullNames: true}, `{"user_id":"eve","features":{"usage__hours":null,"profile__fee":null,"profile__age":null}}`},
	} {
		a, err := s.reader.ReadKey(t.Context(), c.key, c.sel)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(a.AppendEntity(nil, 0)); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
		a.Release()
	}
	for _, c := range []struct {
		sel  serving.Selection
		says string
	}{
		{serving.Selection{}, `several entities, "store" and "user": say which`},
		{features("visits:visited"), `several join keys, "store_id" and "user_id"`},
		{features("rates:vat"), "belong to no entity"},
	} {
		_, err := s.reader.ReadKey(t.Context(), "x", c.sel)
		if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), c.says) {
			t.Errorf("got %v, want %q", err, c.says)
		}
	}
	// With one entity, everything that is online is answered.
	if _, err := s.registry.Apply(t.Context(), project, asof.Change{Delete: []asof.Ref{
		{Kind: asof.KindEntity, Name: "store"}, {Kind: asof.KindFeatureView, Name: "visits"}, {Kind: asof.KindFeatureView, Name: "stores"}, {Kind: asof.KindFeatureView, Name: "usage"}}}); err != nil {
		t.Fatal(err)
	}
	s.reader = reader(t, s.reader.Options)
	a, err := s.reader.ReadKey(t.Context(), "ann", serving.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	if got, want := string(a.AppendEntity(nil, 0)), `{"user_id":"ann","features":{"age":30,"fee":45.25,"name":"Ann \"ß\"","senior":false}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// feast returns an answer in Feast's form.
func feast(a *serving.Answer) (text string) {
	a.SendFeast(true, func(texts [][]byte, _ int) { text += string(bytes.Join(texts, nil)) })
	return text
}

func TestPrinted(t *testing.T) {
	s := newShop(t, serving.Options{})
	a, err := s.reader.Read(t.Context(), &serving.Request{Selection: features("profile:name", "usage:hours", "profile:age"), Entities: []serving.Column{texts("user_id", "bob", "eve")}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	if got, want := feast(a), `{"results":[`+
		`{"values":["bob","eve"],"statuses":["PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},`+
		`{"values":["Bob",null],"statuses":["PRESENT","NOT_FOUND"],"event_timestamps":["2024-01-02T00:00:00.500Z","1970-01-01T00:00:00Z"]},`+
		`{"values":[2.5,null],"statuses":["OUTSIDE_MAX_AGE","NOT_FOUND"],"event_timestamps":["2024-01-03T11:59:59.999999Z","1970-01-01T00:00:00Z"]},`+
		`{"values":[null,null],"statuses":["NULL_VALUE","NOT_FOUND"],"event_timestamps":["2024-01-02T00:00:00.500Z","1970-01-01T00:00:00Z"]}],`+
		`"metadata":{"feature_names":["user_id","name","hours","age"],"feature_view_metadata":[{"name":"profile"},{"name":"usage"}]}}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	header, rows := a.Table()
	if got, want := strings.Join(header, "|")+"\n"+strings.Join(rows[0], "|")+"\n"+strings.Join(rows[1], "|"),
		"user_id|name|hours|age\nbob|Bob|2.5 (expired)|null\neve|not found|not found|not found"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRegistryChanges(t *testing.T) {
	registry, store := memory.NewRegistry(nil), memory.NewOnline(3)
	s := &shop{T: t, registry: registry, store: &counting{OnlineStore: store},
		reader: reader(t, serving.Options{Registry: registry, Online: store, Project: project, Refresh: time.Nanosecond})}
	_, err := s.read(features("profile:age"), texts("user_id", "ann"))
	if asof.ErrorCode(err) != asof.CodeNotFound || !strings.Contains(err.Error(), "asof apply") {
		t.Fatalf("before any apply: got %v", err)
	}
	if err := s.reader.Ready(t.Context()); asof.ErrorCode(err) != asof.CodeNotFound {
		t.Errorf("ready before any apply: %v", err)
	}
	s.apply(profile, &asof.Entity{Name: "user", JoinKey: "user_id", ValueType: asof.TypeString})
	_, err = s.read(features("profile:age"), texts("user_id", "ann"))
	if asof.ErrorCode(err) != asof.CodeUnavailable || !strings.Contains(err.Error(), "apply") {
		t.Errorf("registered, and unknown to the store: got %v", err)
	}
	s.update(profile)
	if err := s.reader.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	if got, err := s.read(features("profile:age"), texts("user_id", "ann")); err != nil || got != "user_id: \"ann\"P\nage: null-" {
		t.Errorf("never materialized: got %s, %v", got, err)
	}
	changed := *profile
	changed.Features = append([]asof.Field{field("new", asof.TypeInt64)}, profile.Features[1:]...)
	s.apply(&changed)
	s.update(&changed)
	s.write(&changed, `[{"user_id": "ann", "event_timestamp": "2024-01-01T00:00:00Z", "new": 1}]`)
	if got, err := s.read(features("profile:new"), texts("user_id", "ann")); err != nil || got != "user_id: \"ann\"P\nnew: 1P01T00" {
		t.Errorf("a new feature: got %s, %v", got, err)
	}
	if _, err := s.read(features("profile:age"), texts("user_id", "ann")); asof.ErrorCode(err) != asof.CodeNotFound {
		t.Errorf("a feature that is gone: got %v", err)
	}
}

// TestPermit: what a caller has to be permitted to read are the views behind
// features, as they are registered, or the service that was asked for.
func TestPermit(t *testing.T) {
	var asked []string
	refused := asof.Errorf(asof.CodeForbidden, "no")
	shop := newShop(t, serving.Options{Permit: func(_ context.Context, _ *asof.Snapshot, objects ...asof.Object) error {
		asked = nil
		for _, o := range objects {
			asked = append(asked, string(o.ObjectKind())+" "+o.ObjectName())
		}
		return refused
	}})
	for want, selection := range map[string]serving.Selection{
		"feature view profile":                               features("profile:age"),
		"feature view profile; feature view usage":           features("profile:age", "usage:hours", "profile:fee"),
		"on demand feature view loyal":                       features("loyal:years"),
		"feature service with_computed":                      {Service: "with_computed"},
		"feature view profile; on demand feature view plain": features("plain:label"),
	} {
		_, err := shop.reader.Read(t.Context(), &serving.Request{Selection: selection, Entities: []serving.Column{texts("user_id", "ann"), texts("amount", "1")}})
		if got := strings.Join(asked, "; "); !errors.Is(err, refused) || got != want {
			t.Errorf("asked for %s (%v), want %s", got, err, want)
		}
	}
}
