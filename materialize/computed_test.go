package materialize_test

import (
	"strings"
	"testing"

	"github.com/asof-dev/asof"
)

// onDemand is an on-demand view of views over x, which are called by their names.
func onDemand(name, function string, views ...*asof.FeatureView) *asof.OnDemandFeatureView {
	v := &asof.OnDemandFeatureView{Name: name, Mode: "pandas", Enabled: true, WriteToOnline: true, Entities: []string{"user"},
		EntityColumns: []asof.Field{{Name: "user", Type: asof.Scalar(asof.TypeString)}}, Features: []asof.Field{{Name: "x", Type: asof.Scalar(asof.TypeInt64)}},
		Function: &asof.Function{Name: "f", Mode: "pandas", Text: "def f(df):\n    out = pd.DataFrame()\n    out['x'] = " + function + "\n    return out\n"}}
	for _, of := range views {
		v.Sources = append(v.Sources, asof.OnDemandSource{Name: of.Name, View: &asof.Projection{View: of.Name, Features: of.Features}})
	}
	return v
}

func TestStoredOnDemandViewsAreFilled(t *testing.T) { onEngines(t, fillsComputed) }

func fillsComputed(b *bench) {
	t := b.T
	fees, rates := b.view("fees", "created"), b.view("rates", "")
	b.apply(fees, rates)
	total := onDemand("total", "df['fees__x'] * 10 + df['rates__x'].fillna(0)", fees, rates)
	asked := onDemand("asked", "df['x']", fees)
	asked.Sources = append(asked.Sources, asof.OnDemandSource{Name: "request", Request: &asof.DataSource{Name: "request", Kind: asof.SourceRequest, Schema: []asof.Field{{Name: "y", Type: asof.Scalar(asof.TypeInt64)}}}})
	fleeting := onDemand("fleeting", "df['x']", fees)
	fleeting.WriteToOnline = false
	if _, err := b.Registry.Apply(t.Context(), "p", asof.Change{Put: []asof.Object{total, asked, fleeting}}); err != nil {
		t.Fatal(err)
	}
	stored := asof.Kept(total)
	if err := b.Online.Update(t.Context(), "p", []*asof.FeatureView{stored}, nil); err != nil {
		t.Fatal(err)
	}
	holds := func(want string) {
		t.Helper()
		if got := b.online(stored); got != want {
			t.Errorf("online are %q, want %q", got, want)
		}
	}
	b.now = day(40)
	b.table("fees", "a 10 10 1; a 20 20 2; b 15 15 3")
	b.table("rates", "a 12 - 5; a 25 - 6; c 5 - 7")
	names, err := b.Names(t.Context(), nil)
	if err != nil || strings.Join(names, " ") != "fees rates total" {
		t.Errorf("filled are %q (%v)", names, err)
	}
	only := func(end int) (window string, read, written int64) {
		t.Helper()
		results, err := b.Incremental(t.Context(), day(end), []string{"total", "total"})
		if err != nil {
			t.Fatal(err)
		}
		if len(results) != 1 {
			t.Errorf("%d results", len(results))
		}
		return span(results[0]), results[0].Read, results[0].Written
	}
	// A row of either source makes one, with what the other had at that time.
	if window, read, written := only(22); window != "oldest..22" || read != 4 || written != 3 {
		t.Errorf("%s: read %d, written %d", window, read, written)
	}
	holds("a@20=25 b@15=30 c@5=null")
	if window, read, _ := only(30); window != "20+..30" || read != 1 {
		t.Errorf("the next window is %s, with %d rows", window, read)
	}
	holds("a@25=26 b@15=30 c@5=null")
	// A row that comes late, and tells it.
	b.now = day(50)
	b.table("fees", "a 10 10 1; a 20 20 2; b 15 15 3; d 3 45 4")
	only(50)
	holds("a@25=26 b@15=30 c@5=null d@3=40")
	if window, read, _ := only(50); read != 0 {
		t.Errorf("again: %s, %d rows", window, read)
	}
	entries, err := b.Ledger.Materializations(t.Context(), asof.MaterializationQuery{Project: "p", Views: []string{"total"}})
	if err != nil || len(entries) != 4 || !entries[0].Done() {
		t.Errorf("the ledger has %v (%v)", entries, err)
	}
	// A corrected file drops a user: what is left of her is computed again.
	b.table("rates", "c 5 - 7")
	if _, err := b.Follow(t.Context(), day(31), []string{"total"}, []asof.TableChange{{Table: "rates", Dropped: b.users("a")}, {Table: "fees", Dropped: b.users("d")}}, "pipeline"); err != nil {
		t.Fatal(err)
	}
	holds("a@20=20 b@15=30 c@5=null d@3=40")

	for name, want := range map[string]string{
		"asked":    `"asked" is computed from request, which only a request holds`,
		"fleeting": `"fleeting" is an on demand feature view: it is computed when it is read, and not materialized`,
	} {
		if _, err := b.Incremental(t.Context(), day(31), []string{name}); asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
