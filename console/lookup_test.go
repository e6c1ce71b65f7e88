package console

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/storetest"
	"github.com/asof-dev/asof/value"
)

// desk is a console over stores in memory: orders of users in shops, by a
// composite key; prices of shops, which are not online; a computed view; and a
// service that names the keys otherwise.
type desk struct {
	*testing.T
	*Console
	offline *memory.Offline
	online  *memory.Online
	orders  *asof.FeatureView
}

func day(n int) time.Time { return time.Date(2024, 1, n, 0, 0, 0, 0, time.UTC) }

func newDesk(t *testing.T, change func(*Options)) *desk {
	t.Helper()
	d := &desk{T: t, offline: memory.NewOffline(), online: memory.NewOnline(3)}
	text, whole := asof.Scalar(asof.TypeString), asof.Scalar(asof.TypeInt64)
	ttl := 30 * 24 * time.Hour
	d.orders = &asof.FeatureView{Name: "orders", Kind: asof.ViewPlain, Online: true, Enabled: true, Entities: []string{"user", "shop"}, TTL: &ttl,
		EntityColumns: []asof.Field{{Name: "user", Type: text}, {Name: "shop", Type: whole}}, Features: []asof.Field{{Name: "total", Type: whole}, {Name: "city", Type: text}},
		Source: &asof.DataSource{Name: "orders", Kind: asof.SourcePostgres, Table: "orders", TimestampField: asof.EventTimestamp, CreatedField: asof.CreatedTimestamp}}
	prices := &asof.FeatureView{Name: "prices", Kind: asof.ViewPlain, Enabled: true, Entities: []string{"user", "shop"}, EntityColumns: d.orders.EntityColumns,
		Features: d.orders.Features[:1], Source: d.orders.Source}
	scaled := &asof.OnDemandFeatureView{Name: "scaled", Mode: "pandas", Enabled: true, Features: []asof.Field{{Name: "share", Type: whole}},
		Function: &asof.Function{Name: "scaled", Mode: "pandas", Text: "def scaled(inputs):\n    out = pd.DataFrame()\n    out['share'] = inputs['total'] * inputs['factor']\n    return out\n"},
		Sources: []asof.OnDemandSource{{Name: "orders", View: &asof.Projection{View: "orders", Features: d.orders.Features[:1]}},
			{Name: "request", Request: &asof.DataSource{Name: "request", Kind: asof.SourceRequest, Schema: []asof.Field{{Name: "factor", Type: whole}}}}}}
	renamed := &asof.FeatureService{Name: "buyers", Projections: []asof.Projection{{View: "orders", Alias: "bought", Features: d.orders.Features, JoinKeyMap: map[string]string{"user": "buyer"}}}}
	registry := memory.NewRegistry(time.Now)
	if _, err := registry.Apply(t.Context(), "p", asof.Change{Put: []asof.Object{&asof.Project{Name: "p"}, &asof.Entity{Name: "user", JoinKey: "user", ValueType: asof.TypeString},
		&asof.Entity{Name: "shop", JoinKey: "shop", ValueType: asof.TypeInt64}, d.orders.Source, d.orders, prices, scaled, renamed}}); err != nil {
		t.Fatal(err)
	}
	if err := d.online.Update(t.Context(), "p", []*asof.FeatureView{d.orders}, nil); err != nil {
		t.Fatal(err)
	}
	ledger := memory.NewLedger()
	m := asof.Materialization{Project: "p", View: "orders", Span: asof.Interval{From: day(1), To: day(31)}, Started: day(40), Newest: day(20), Cause: "materialize"}
	m.ID, _ = ledger.Begin(t.Context(), m)
	m.Finished = day(41)
	if err := ledger.Finish(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	reader, err := serving.New(serving.Options{Registry: registry, Online: d.online, Project: "p", Now: func() time.Time { return day(45) }})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Project: "p", Registry: registry, Ledger: func(context.Context) (asof.Ledger, error) { return ledger, nil }, Local: true, Lookup: &Lookup{
		Reader: func(context.Context) (*serving.Reader, error) { return reader, nil }, Offline: func(context.Context) (asof.OfflineStore, error) { return d.offline, nil }}}
	if change != nil {
		change(&o)
	}
	if d.Console, err = New(o); err != nil {
		t.Fatal(err)
	}
	source := "ann 1 10 2 oslo; ann 1 20 3 oslo; é 2 12 4 rome; old 1 5 6 rome; late 1 30 7 rome"
	d.offline.Put("orders", d.rows(source))
	if _, err := d.online.Write(t.Context(), "p", d.orders, d.rows("ann 1 20 3 oslo; é 2 10 9 rome; old 1 5 6 rome; alien 1 9 1 -")); err != nil {
		t.Fatal(err)
	}
	return d
}

// rows makes rows from "user shop day total city; …", - for no city.
func (d *desk) rows(text string) arrow.RecordBatch {
	d.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "user", Type: arrow.BinaryTypes.String}, {Name: "shop", Type: arrow.PrimitiveTypes.Int64}, {Name: asof.EventTimestamp, Type: asof.Timestamp},
		{Name: asof.CreatedTimestamp, Type: asof.Timestamp, Nullable: true}, {Name: "total", Type: arrow.PrimitiveTypes.Int64}, {Name: "city", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	var rows []string
	for part := range strings.SplitSeq(text, ";") {
		var user, city string
		var shop, at, total int
		if _, err := fmt.Sscan(part, &user, &shop, &at, &total, &city); err != nil {
			d.Fatal(err)
		}
		city = strings.ReplaceAll(fmt.Sprintf("%q", city), `"-"`, "null")
		rows = append(rows, fmt.Sprintf(`{"user": %q, "shop": %d, "event_timestamp": %q, "total": %d, "city": %s}`, user, shop, day(at).Format(time.RFC3339), total, city))
	}
	batch, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, schema, strings.NewReader("["+strings.Join(rows, ",")+"]"))
	if err != nil {
		d.Fatal(err)
	}
	return batch
}

// look asks for the JSON form of a question, written "name=value name=value".
func (d *desk) look(question string) (l looked, status int, text string) {
	d.Helper()
	query := url.Values{}
	for _, word := range strings.Fields(question) {
		name, value, _ := strings.Cut(word, "=")
		query.Add(name, value)
	}
	status, text = get(d.Console, "/lookup?"+query.Encode(), "Accept", "application/json")
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		d.Fatalf("%s: %d %s", question, status, text)
	}
	if code, page := get(d.Console, "/lookup?"+query.Encode(), "Accept-Language", "fr"); status == http.StatusOK && (code != status || !strings.Contains(page, "Consultation")) {
		d.Errorf("%s as a page: %d\n%s", question, code, page)
	}
	return l, status, text
}

// told is a page as "feature online status@day|offline …: causes".
func told(l looked) string {
	var words []string
	for _, v := range l.Values {
		online := "-"
		if v.Online != nil {
			online = fmt.Sprintf("%s %s", v.Online.Value, v.Online.Status)
			if !v.Online.Event.IsZero() {
				online += fmt.Sprintf("@%d", v.Online.Event.YearDay())
			}
		}
		mark := "|"
		if v.Differs {
			mark = "≠"
		}
		words = append(words, v.Name+" "+online+mark+string(v.Offline))
	}
	for _, c := range l.Causes {
		words = append(words, c.View.Name+": "+c.Cause)
	}
	return strings.Join(append(words, strings.TrimSpace(l.Online+" "+l.Offline)), "; ")
}

func TestLookup(t *testing.T) {
	d := newDesk(t, nil)
	for question, want := range map[string]string{
		"view=orders key.user=ann key.shop=1 at=2024-02-01":                                    `orders:total 3 PRESENT@20|3; orders:city "oslo" PRESENT@20|"oslo"; `,
		"view=orders key.user=ann key.shop=1 at=2024-01-15T10:00":                              `orders:total 3 PRESENT@20≠2; orders:city "oslo" PRESENT@20|"oslo"; orders: ahead; `,
		"view=orders key.user=é key.shop=2 at=2024-02-01":                                      `orders:total 9 OUTSIDE_MAX_AGE@10≠4; orders:city "rome" OUTSIDE_MAX_AGE@10|"rome"; orders: older-row; `,
		"view=orders key.user=old key.shop=1 at=2024-02-14":                                    `orders:total 6 OUTSIDE_MAX_AGE@5≠null; orders:city "rome" OUTSIDE_MAX_AGE@5≠null; orders: expired; `,
		"view=orders key.user=late key.shop=1 at=2024-02-01":                                   `orders:total null NOT_FOUND≠7; orders:city null NOT_FOUND≠"rome"; orders: never-loaded; `,
		"view=orders key.user=alien key.shop=1 at=2024-02-01":                                  `orders:total 1 OUTSIDE_MAX_AGE@9≠null; orders:city null OUTSIDE_MAX_AGE@9|null; orders: foreign-write; `,
		"view=orders key.user=nobody key.shop=1":                                               `orders:total null NOT_FOUND|null; orders:city null NOT_FOUND|null; orders: nobody; `,
		"f=orders:city f=scaled:share key.user=ann key.shop=1 data.factor=10 at=2024-01-15":    `orders:city "oslo" PRESENT@20|"oslo"; scaled:share 30 PRESENT≠20; orders: ahead; `,
		"service=buyers key.buyer=ann key.shop=1 at=2024-02-01":                                `bought:total 3 PRESENT@20|3; bought:city "oslo" PRESENT@20|"oslo"; `,
		"service=buyers key.buyer=late key.shop=1 at=2024-02-01 feature=bought:city":           `bought:total null NOT_FOUND≠7; bought:city null NOT_FOUND≠"rome"; orders: never-loaded; `,
		"view=prices key.user=ann key.shop=1 at=2024-01-20T00:00:00.000001Z":                   `prices:total -|3; feature view "prices" is not online: it is defined with online=False`,
		"view=scaled key.user=ann key.shop=1 data.factor=2 at=2024-02-01 feature=scaled:share": `scaled:share 6 PRESENT|6; `,
	} {
		l, status, text := d.look(question)
		if got := told(l); status != http.StatusOK || got != want {
			t.Errorf("%s: %d\ngot  %s\nwant %s\n%s", question, status, got, want, text)
		}
	}
	for question, want := range map[string]string{
		"view=order":                                              "did you mean",
		"view=orders key.user=ann":                                "shop is missing",
		"view=orders key.user=ann key.shop=one":                   "shop: ",
		"view=orders key.user= key.shop=1":                        "user is missing",
		"view=orders key.user=a\xff key.shop=1":                   "user is longer than 1000 bytes, or no text",
		"view=orders at=soon":                                     "is no time",
		"view=orders key.user=ann key.shp=1":                      "what is looked up has no ",
		"view=orders key.user=ann key.shop=1 data.factor=2":       "leave it out",
		"view=scaled key.user=ann key.shop=1 data.facto=2":        "did you mean",
		"f=orders:totl":                                           "did you mean",
		"view=orders key.user=ann key.shop=1 feature=orders:totl": "did you mean",
		"f=orders":                             "the catalog has no feature",
		"service=none":                         "the catalog has no service",
		strings.Repeat("f=orders:total ", 101): "101 features are asked for",
		"view=scaled key.user=ann key.shop=1":  "factor is missing",
		"view=orders key.shop=1 key.user=" + strings.Repeat("x", 1001): "user is longer",
	} {
		if _, status, text := d.look(question); status < 400 || status >= 500 || !strings.Contains(text, want) {
			t.Errorf("%.60s: %d %s, want %s", question, status, text, want)
		}
	}
}

// TestLookupTells: the history and the explanation of one feature, the times to
// choose from, and what can be looked up.
func TestLookupTells(t *testing.T) {
	d := newDesk(t, nil)
	l, _, text := d.look("service=buyers key.buyer=ann key.shop=1 at=2024-01-15 feature=bought:total")
	if l.History == nil || len(l.History.Moments) != 2 || string(l.History.Moments[0].Value) != "3" || l.Explained == nil || string(l.Explained.Value) != "2" || len(l.Instants) != 2 || !l.Instants[1].Time.Equal(day(20)) {
		t.Errorf("%s", text)
	}
	if l, _, text := d.look("view=orders"); len(l.Inputs) != 2 || l.Answered || len(l.Instants) != 1 || len(l.Values) > 0 {
		t.Errorf("without a key: %s", text)
	}
	_, page := get(d, "/lookup?view=orders&key.user=%3Cscript%3E&key.shop=1&at=2024-01-20T00:00:00Z&feature=orders:total")
	for _, want := range []string{`value="&lt;script&gt;"`, "Nobody has this key", `aria-current="true">2024-01-20 00:00 UTC`, "The source has no row of this key", "never loaded: none of the 5 rows", `name="feature" value="orders:total"`} {
		if !strings.Contains(page, want) || strings.Contains(page, "<script>") {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	_, two := get(d, "/lookup?service=buyers&key.buyer=ann&key.shop=1&at=2024-01-15&feature=bought:total")
	if strings.Contains(page, "data-slider") || !strings.Contains(two, `T00:00:00Z 2024-01-20T00:00:00Z"`) {
		t.Errorf("a slider is there where there is more than one time:\n%s", two)
	}
	if _, page := get(d, "/lookup?view=scaled&key.user=ann&key.shop=1&data.factor=2&feature=scaled:share"); !strings.Contains(page, "it has no history of its own") {
		t.Errorf("the history of a computed feature: %s", page)
	}
	_, start := get(d, "/lookup")
	_, found := get(d, "/lookup?q=totl")
	_, object := get(d, "/catalog/view/orders")
	_, beside := get(d, "/lookup?f=orders:city&q=total")
	_, none := get(d, "/lookup?f=orders:city&q=zzz")
	for want, page := range map[string]string{`href="/lookup?service=buyers"`: start, `href="/lookup?f=orders%3Atotal"`: found, `href="/lookup?view=orders"`: object,
		`href="/lookup?f=orders%3Acity&amp;f=orders%3Atotal"`: beside, `Nothing is like “zzz”`: none, `name="f" value="orders:city"`: none} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	if strings.Contains(beside, "/lookup?view=") || strings.Contains(start, "/lookup?f=") {
		t.Error("views are listed beside features, or all features without a search")
	}
	if _, page := get(opened(t, 1, nil), "/lookup"); !strings.Contains(page, "opened without stores") {
		t.Errorf("a console without stores: %s", page)
	}
}

// slow is a store that does not answer until its caller goes.
type slow struct{ *memory.Offline }

func (slow) Historical(ctx context.Context, _ *asof.PointInTime) (array.RecordReader, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestLookupWithoutStores: what is away is told in one sentence, and the rest of
// the page is there.
func TestLookupWithoutStores(t *testing.T) {
	down := asof.Errorf(asof.CodeUnavailable, "the store is down")
	d := newDesk(t, nil)
	for name, c := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"online": {func(o *Options) {
			o.Lookup.Reader = func(context.Context) (*serving.Reader, error) { return nil, down }
		}, `orders:total -|3; orders:city -|"oslo"; the store is down`},
		"offline": {func(o *Options) {
			o.Lookup.Offline = func(context.Context) (asof.OfflineStore, error) { return nil, down }
		}, `orders:total 3 PRESENT@20|; orders:city "oslo" PRESENT@20|; the store is down`},
		"a secret": {func(o *Options) {
			o.Lookup.Offline = func(context.Context) (asof.OfflineStore, error) { return nil, fmt.Errorf("password=hush") }
		}, `orders:total 3 PRESENT@20|; orders:city "oslo" PRESENT@20|; the server failed; its log says why`},
		"slow": {func(o *Options) {
			o.Timeout = 300 * time.Millisecond
			o.Lookup.Offline = func(context.Context) (asof.OfflineStore, error) { return slow{d.offline}, nil }
		}, `orders:total 3 PRESENT@20|; orders:city "oslo" PRESENT@20|; the offline store did not answer in time`},
	} {
		d := newDesk(t, c.change)
		l, status, text := d.look("view=orders key.user=ann key.shop=1 at=2024-02-01")
		if got := told(l); status != http.StatusOK || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %d\ngot  %s\nwant %s\n%s", name, status, got, c.want, text)
		}
	}
	if got := slices.Sorted(maps.Values(causeWords)); len(got) != 7 {
		t.Errorf("causes without words: %v", got)
	}
}

// TestLookupAsksForPermission: each side by its own permission, and what may not
// be described is not there.
func TestLookupAsksForPermission(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	guard, err := permission.New(permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { guard.Close() })
	d := newDesk(t, func(o *Options) {
		o.Guard = guard
		reader, _ := o.Lookup.Reader(t.Context())
		reader.Permit = guard.Permit(permission.ReadOnline)
		var put []asof.Object
		for role, actions := range map[string][]core.PermissionSpec_AuthzedAction{"sees": {core.PermissionSpec_DESCRIBE}, "serves": {core.PermissionSpec_DESCRIBE, core.PermissionSpec_READ_ONLINE},
			"trains": {core.PermissionSpec_DESCRIBE, core.PermissionSpec_READ_OFFLINE}, "other": {core.PermissionSpec_READ_ONLINE, core.PermissionSpec_READ_OFFLINE}} {
			stored, err := proto.Marshal(&core.Permission{Spec: &core.PermissionSpec{Name: role, Actions: actions, Types: []core.PermissionSpec_Type{core.PermissionSpec_FEATURE_VIEW},
				Policy: &core.Policy{PolicyType: &core.Policy_RoleBasedPolicy{RoleBasedPolicy: &core.RoleBasedPolicy{Roles: []string{role}}}}}})
			if err != nil {
				t.Fatal(err)
			}
			put = append(put, &asof.Opaque{Kind: asof.KindPermission, Name: role, Meta: asof.Meta{Stored: stored}})
		}
		if _, err := o.Registry.Apply(t.Context(), "p", asof.Change{Put: put}); err != nil {
			t.Fatal(err)
		}
	})
	for role, want := range map[string]string{"sees": "orders:total -|; orders:city -|; READ_ONLINE READ_OFFLINE", "serves": `orders:total 3 PRESENT@20|; orders:city "oslo" PRESENT@20|; READ_OFFLINE`,
		"trains": `orders:total -|3; orders:city -|"oslo"; READ_ONLINE`, "other": "404"} {
		status, text := get(d, "/lookup?view=orders&key.user=ann&key.shop=1&at=2024-02-01&feature=orders:total", "Accept", "application/json", "Authorization", "Bearer "+issuer.Token(map[string]any{"roles": []string{role}}))
		var l looked
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		got := regexp.MustCompile(`[^;]*(READ_ONLINE)[^R]*|[^;]*(READ_OFFLINE).*`).ReplaceAllString(told(l), " $1$2")
		if status != http.StatusOK {
			got = fmt.Sprint(status)
		}
		if strings.Join(strings.Fields(got), " ") != want {
			t.Errorf("%s: got %s, want %s\n%s", role, got, want, text)
		}
		if readable := role == "trains"; status == http.StatusOK && (len(l.History.Moments) > 0 != readable || (l.Explained != nil) != readable) {
			t.Errorf("%s reads the history: %s", role, text)
		}
	}
}

// TestTimesAreWrittenAlike: a history has times as the values beside it have.
func TestTimesAreWrittenAlike(t *testing.T) {
	when := time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC)
	online := string(shownJSON(value.AppendUnixTimestamp(nil, when.Unix())))
	if got := string(asServed(asof.Scalar(asof.TypeUnixTimestamp), json.RawMessage("-1000"))); got != online || !strings.Contains(got, "1969-12-31") {
		t.Errorf("%s, and online %s", got, online)
	}
	if got := string(asServed(asof.Scalar(asof.TypeUnixTimestamp), json.RawMessage("null"))) + string(asServed(asof.Scalar(asof.TypeInt64), json.RawMessage("-1000"))); got != "null-1000" {
		t.Errorf("no times: %s", got)
	}
}
