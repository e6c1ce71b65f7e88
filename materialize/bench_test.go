package materialize_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/materialize"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/value"
)

// bench is a project: the view "fees" of users over the table fees. All but the
// offline store is in memory.
type bench struct {
	*testing.T
	*materialize.Materializer
	offline engine
	ledger  *memory.Ledger
	now     time.Time
	views   []*asof.FeatureView
}

func day(n int) time.Time { return time.Date(2024, 1, n, 0, 0, 0, 0, time.UTC) }

// engine is an offline store, and how a test fills its tables.
type engine struct {
	asof.OfflineStore
	put    func(t *testing.T, table string, rows arrow.RecordBatch)
	source func(table string) *asof.DataSource
}

func inMemory(*testing.T) engine {
	store := memory.NewOffline()
	return engine{store, func(_ *testing.T, table string, rows arrow.RecordBatch) { store.Put(table, rows) },
		func(table string) *asof.DataSource { return &asof.DataSource{Kind: asof.SourcePostgres, Table: table} }}
}

// onEngines runs a test on every offline store that the build has.
func onEngines(t *testing.T, test func(b *bench)) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) { test(benchOn(t, open(t))) })
	}
}

func newBench(t *testing.T) *bench { return benchOn(t, inMemory(t)) }

func benchOn(t *testing.T, offline engine) *bench {
	b := &bench{T: t, offline: offline, ledger: memory.NewLedger(), now: day(100)}
	b.Materializer = &materialize.Materializer{Project: "p", Registry: memory.NewRegistry(func() time.Time { return b.now }),
		Offline: b.offline, Online: memory.NewOnline(3), Ledger: b.ledger, Now: func() time.Time { return b.now }}
	b.apply(b.view("fees", "created"))
	b.table("fees", "")
	return b
}

// view is a view of users over the table of its name.
func (b *bench) view(name, created string) *asof.FeatureView {
	return &asof.FeatureView{Name: name, Kind: asof.ViewPlain, Online: true, Enabled: true, Entities: []string{"user"},
		EntityColumns: []asof.Field{{Name: "user", Type: asof.Scalar(asof.TypeString)}},
		Features:      []asof.Field{{Name: "x", Type: asof.Scalar(asof.TypeInt64)}},
		Source:        b.source(name, created)}
}

func (b *bench) source(table, created string) *asof.DataSource {
	s := b.offline.source(table)
	s.Name, s.TimestampField, s.CreatedField = table+"_source", "at", created
	return s
}

func (b *bench) apply(views ...*asof.FeatureView) {
	b.Helper()
	put := []asof.Object{&asof.Project{Name: "p"}}
	for _, v := range views {
		put = append(put, v)
	}
	if _, err := b.Registry.Apply(b.Context(), "p", asof.Change{Put: put}); err != nil {
		b.Fatal(err)
	}
	if err := b.Online.Update(b.Context(), "p", views, nil); err != nil {
		b.Fatal(err)
	}
	b.views = views
}

// table fills a table from "user day created value; …"; - is no created time.
func (b *bench) table(name, text string) {
	b.Helper()
	batch := b.rows("at", "created", text)
	b.offline.put(b.T, name, batch)
	batch.Release()
}

// push writes rows online as a push does.
func (b *bench) push(text string) {
	b.Helper()
	batch := b.rows(asof.EventTimestamp, asof.CreatedTimestamp, text)
	defer batch.Release()
	if _, err := b.Online.Write(b.Context(), "p", b.views[0], batch); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) rows(event, created, text string) arrow.RecordBatch {
	b.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "user", Type: arrow.BinaryTypes.String}, {Name: event, Type: asof.Timestamp},
		{Name: created, Type: asof.Timestamp, Nullable: true}, {Name: "x", Type: arrow.PrimitiveTypes.Int64}}, nil)
	var rows []string
	for row := range strings.SplitSeq(text, ";") {
		f := strings.Fields(row)
		if len(f) == 0 {
			continue
		}
		at := func(s string) string {
			var n int
			if _, err := fmt.Sscan(s, &n); err != nil {
				return "null"
			}
			return fmt.Sprintf("%q", day(n).Format(time.RFC3339))
		}
		rows = append(rows, fmt.Sprintf(`{"user": %q, %q: %s, %q: %s, "x": %s}`, f[0], event, at(f[1]), created, at(f[2]), f[3]))
	}
	batch, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, schema, strings.NewReader("["+strings.Join(rows, ",")+"]"))
	if err != nil {
		b.Fatal(err)
	}
	return batch
}

func (b *bench) users(names ...string) arrow.RecordBatch {
	builder := array.NewRecordBuilder(arrowmemory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "user", Type: arrow.BinaryTypes.String}}, nil))
	for _, n := range names {
		builder.Field(0).(*array.StringBuilder).Append(n)
	}
	return builder.NewRecordBatch()
}

// online returns what a view holds of users a to d, as a@day=value.
func (b *bench) online(view *asof.FeatureView) string {
	b.Helper()
	encoder, err := entitykey.NewEncoder(3, "user")
	if err != nil {
		b.Fatal(err)
	}
	r := &asof.Reading{View: view, Features: []string{"x"}}
	names := []string{"a", "b", "c", "d"}
	for _, n := range names {
		key, err := encoder.Append(nil, entitykey.String(n))
		if err != nil {
			b.Fatal(err)
		}
		r.Keys = append(r.Keys, key)
	}
	if err := b.Online.Read(b.Context(), "p", []*asof.Reading{r}); err != nil {
		b.Fatal(err)
	}
	var held []string
	for i, n := range names {
		if r.Found[i] {
			held = append(held, fmt.Sprintf("%s@%d=%s", n, time.UnixMicro(r.Events[i]).UTC().YearDay(), value.AppendJSON(nil, r.Value(0, i), value.Plain)))
		}
	}
	return strings.Join(held, " ")
}

func (b *bench) holds(want string) {
	b.Helper()
	if got := b.online(b.views[0]); got != want {
		b.Errorf("the online store holds %q, want %q", got, want)
	}
}

// span tells a result's window in days.
func span(r materialize.Result) string {
	from := "oldest"
	if !r.Span.From.IsZero() {
		from = fmt.Sprint(r.Span.From.YearDay())
		if r.Span.From.Nanosecond() > 0 {
			from += "+"
		}
	}
	return from + ".." + fmt.Sprint(r.Span.To.YearDay())
}

func (b *bench) incremental(end int) materialize.Result {
	b.Helper()
	results, err := b.Incremental(b.Context(), day(end), nil)
	if err != nil {
		b.Fatal(err)
	}
	return results[0]
}

func (b *bench) materialize(from, to int) materialize.Result {
	b.Helper()
	results, err := b.Materialize(b.Context(), day(from), day(to), nil)
	if err != nil {
		b.Fatal(err)
	}
	return results[0]
}

func (b *bench) is(r materialize.Result, window string, read, written int64) {
	b.Helper()
	if span(r) != window || r.Read != read || r.Written != written {
		b.Errorf("window %s, read %d, written %d; want %s, %d, %d", span(r), r.Read, r.Written, window, read, written)
	}
}
