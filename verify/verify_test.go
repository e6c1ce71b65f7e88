package verify_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/verify"
)

// shop is a project with the view orders of users, all in memory.
type shop struct {
	*testing.T
	*verify.Verifier
	offline *memory.Offline
	online  *memory.Online
	ledger  *memory.Ledger
	view    *asof.FeatureView
}

func day(n int) time.Time { return time.Date(2024, 1, n, 0, 0, 0, 0, time.UTC) }

func newShop(t *testing.T, ttl time.Duration) *shop {
	s := &shop{T: t, offline: memory.NewOffline(), online: memory.NewOnline(3), ledger: memory.NewLedger()}
	s.view = &asof.FeatureView{Name: "orders", Kind: asof.ViewPlain, Online: true, Enabled: true, Entities: []string{"user"}, TTL: &ttl,
		EntityColumns: []asof.Field{{Name: "user", Type: asof.Scalar(asof.TypeString)}, {Name: "shop", Type: asof.Scalar(asof.TypeInt64)}},
		Features:      []asof.Field{{Name: "total", Type: asof.Scalar(asof.TypeInt64)}, {Name: "city", Type: asof.Scalar(asof.TypeString)}},
		Source:        &asof.DataSource{Name: "orders", Kind: asof.SourcePostgres, Table: "orders", TimestampField: asof.EventTimestamp, CreatedField: asof.CreatedTimestamp}}
	registry := memory.NewRegistry(func() time.Time { return day(90) })
	s.Verifier = &verify.Verifier{Project: "p", Registry: registry, Offline: s.offline, Online: s.online, Ledger: s.ledger, Limit: 100,
		Now: func() time.Time { return day(90) }}
	s.apply()
	s.source("")
	return s
}

func (s *shop) apply() {
	s.Helper()
	if _, err := s.Registry.Apply(s.Context(), "p", asof.Change{Put: []asof.Object{&asof.Project{Name: "p"}, s.view}}); err != nil {
		s.Fatal(err)
	}
	if err := s.online.Update(s.Context(), "p", []*asof.FeatureView{s.view}, nil); err != nil {
		s.Fatal(err)
	}
}

// rows makes rows from "user shop day created total city; …", - for none.
func (s *shop) rows(text string) arrow.RecordBatch {
	s.Helper()
	fields := []arrow.Field{{Name: "user", Type: arrow.BinaryTypes.String}, {Name: "shop", Type: arrow.PrimitiveTypes.Int64},
		{Name: asof.EventTimestamp, Type: asof.Timestamp}, {Name: asof.CreatedTimestamp, Type: asof.Timestamp, Nullable: true}}
	for _, f := range s.view.Features {
		fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true})
	}
	var rows []string
	for part := range strings.SplitSeq(text, ";") {
		w := strings.Fields(part)
		if len(w) == 0 {
			continue
		}
		at := func(s string) string {
			var n int
			if _, err := fmt.Sscan(s, &n); err != nil {
				return "null"
			}
			return fmt.Sprintf("%q", day(n).Format(time.RFC3339))
		}
		city := fmt.Sprintf("%q", w[5])
		if w[5] == "-" {
			city = "null"
		}
		rows = append(rows, fmt.Sprintf(`{"user": %q, "shop": %s, "event_timestamp": %s, "created_timestamp": %s, "total": %s, "city": %s}`,
			w[0], w[1], at(w[2]), at(w[3]), w[4], city))
	}
	batch, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader("["+strings.Join(rows, ",")+"]"))
	if err != nil {
		s.Fatal(err)
	}
	return batch
}

func (s *shop) source(text string) {
	s.Helper()
	rows := s.rows(text)
	s.offline.Put("orders", rows)
	rows.Release()
}

func (s *shop) write(text string) {
	s.Helper()
	if _, err := s.online.Write(s.Context(), "p", s.view, s.rows(text)); err != nil {
		s.Fatal(err)
	}
}

// ran records a finished run over a span of days, which began on a day.
func (s *shop) ran(from, to, on int) {
	s.Helper()
	m := asof.Materialization{Project: "p", View: "orders", Span: asof.Interval{From: day(from), To: day(to)}, Started: day(on), Cause: "materialize"}
	var err error
	if m.ID, err = s.ledger.Begin(s.Context(), m); err != nil {
		s.Fatal(err)
	}
	m.Finished = day(on).Add(time.Hour)
	if err := s.ledger.Finish(s.Context(), m); err != nil {
		s.Fatal(err)
	}
}

func (s *shop) verified() verify.Result {
	s.Helper()
	results, err := s.Verify(s.Context(), nil)
	if err != nil {
		s.Fatal(err)
	}
	return results[0]
}

// told is a result's mismatches as "user/shop cause feature=offline|online …".
func told(r verify.Result) string {
	var lines []string
	for _, m := range r.Mismatches {
		var keys []string
		for _, k := range m.Key {
			keys = append(keys, k.Value)
		}
		line := strings.Join(keys, "/") + " " + string(m.Cause)
		for i, f := range m.Features {
			side := func(row *verify.Row) string {
				if row == nil {
					return "-"
				}
				return fmt.Sprintf("%s@%d", row.Values[i], row.Event.YearDay())
			}
			line += fmt.Sprintf(" %s=%s|%s", f, side(m.Offline), side(m.Online))
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

func TestEveryCause(t *testing.T) {
	for name, c := range map[string]struct {
		ttl            int // days
		source, online string
		drop           bool
		want           string
	}{
		"equal":                        {0, "a 1 10 - 1 x; a 1 12 - 2 -; b 1 11 - 3 y", "a 1 12 - 2 -; b 1 11 - 3 y", false, ""},
		"never loaded":                 {0, "a 1 10 - 1 x; a 11 12 - 2 y", "a 1 10 - 1 x", false, `a/11 never loaded total=2@12|- city="y"@12|-`},
		"older row":                    {0, "a 1 10 - 1 x; a 1 12 - 2 y", "a 1 10 - 1 x", false, `a/1 older row total=2@12|1@10 city="y"@12|"x"@10`},
		"late row, missing":            {0, "a 1 12 50 2 y", "", false, `a/1 late row total=2@12|- city="y"@12|-`},
		"late row, older online":       {0, "a 1 12 50 2 y", "a 1 10 10 1 x", false, `a/1 late row total=2@12|1@10 city="y"@12|"x"@10`},
		"late row, a correction":       {0, "a 1 12 50 2 x", "a 1 12 12 1 x", false, `a/1 late row total=2@12|1@12`},
		"a correction in its place":    {0, "a 1 12 12 2 x", "a 1 12 12 1 x", false, `a/1 corrected row total=2@12|1@12`},
		"a correction, before the run": {0, "a 1 12 30 2 x", "a 1 12 12 1 x", false, `a/1 corrected row total=2@12|1@12`},
		"foreign time":                 {0, "a 1 12 12 2 x", "a 1 13 13 2 x", false, `a/1 foreign write total=2@12|2@13 city="x"@12|"x"@13`},
		"foreign key":                  {0, "a 1 12 12 2 x", "a 1 12 12 2 x; z 1 10 - 1 -", false, `z/1 foreign write total=-|1@10 city=-|null@10`},
		"a value where there was null": {0, "a 1 12 12 2 -", "a 1 12 12 2 x", false, `a/1 corrected row city=null@12|"x"@12`},
		"pushed since":                 {0, "a 1 12 12 2 x", "a 1 45 - 3 y; z 1 46 - 1 x", false, ""},
		"expired, kept":                {5, "a 1 12 12 2 x; b 1 28 28 1 x", "a 1 12 12 2 x; b 1 28 28 1 x", false, `a/1 expired total=null@12|2@12 city=null@12|"x"@12`},
		"expired, dropped":             {5, "a 1 12 12 2 x; b 1 28 28 1 x", "a 1 10 12 2 x; b 1 28 28 1 x", true, ""},
		"expired, and gone":            {5, "a 1 12 12 2 x; b 1 28 28 1 x", "b 1 28 28 1 x", false, ""},
		"let go by the store":          {5, "a 1 28 12 2 x", "", false, `a/1 expired total=2@28|- city="x"@28|-`},
		"nothing at all":               {0, "", "", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, time.Duration(c.ttl)*24*time.Hour)
			s.DropExpired = c.drop
			s.source(c.source)
			s.write(c.online)
			s.ran(1, 31, 40)
			r := s.verified()
			if got := told(r); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if r.Equal+r.Ahead+r.Mismatched() != r.Keys || !r.At.Equal(day(31)) {
				t.Errorf("counts do not add up: %+v", r)
			}
			for _, m := range r.Mismatches {
				one, err := s.Key(t.Context(), s.view, map[string]string{"user": m.Key[0].Value, "shop": m.Key[1].Value})
				if want := told(verify.Result{Mismatches: []verify.Mismatch{m}}); err != nil || one.Keys != 1 || told(*one) != want {
					t.Errorf("alone: %v, %+v, want %s", err, one, want)
				}
			}
		})
	}
}

func TestOtherTypesAreTold(t *testing.T) {
	s := newShop(t, 0)
	s.write("a 1 12 12 2 x")
	s.view.Features = append(s.view.Features[:1:1], asof.Field{Name: "city", Type: asof.Scalar(asof.TypeString)}, asof.Field{Name: "new", Type: asof.Scalar(asof.TypeInt64)})
	s.view.Features[0].Type = asof.Scalar(asof.TypeFloat64)
	s.apply()
	batch, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "user", Type: arrow.BinaryTypes.String},
		{Name: "shop", Type: arrow.PrimitiveTypes.Int64}, {Name: asof.EventTimestamp, Type: asof.Timestamp}, {Name: asof.CreatedTimestamp, Type: asof.Timestamp},
		{Name: "total", Type: arrow.PrimitiveTypes.Float64}, {Name: "city", Type: arrow.BinaryTypes.String}, {Name: "new", Type: arrow.PrimitiveTypes.Int64}}, nil),
		strings.NewReader(`[{"user": "a", "shop": 1, "event_timestamp": "2024-01-12T00:00:00Z", "created_timestamp": "2024-01-12T00:00:00Z", "total": 2, "city": "x", "new": 7}]`))
	if err != nil {
		t.Fatal(err)
	}
	s.offline.Put("orders", batch)
	s.ran(1, 31, 40)
	if got, want := told(s.verified()), `a/1 type total=2.0@12|null@12 new=7@12|null@12`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestUpTo uses the end of what was materialized, a time that is asked for, and
// now where there was no run.
func TestUpTo(t *testing.T) {
	s := newShop(t, 0)
	s.source("a 1 10 - 1 x; a 1 40 - 2 y")
	s.write("a 1 10 - 1 x")
	r := s.verified()
	if got := told(r); got != `a/1 older row total=2@40|1@10 city="y"@40|"x"@10` || !r.At.Equal(day(90)) || len(r.Notes) != 1 {
		t.Errorf("never materialized: %s, %+v", got, r)
	}
	s.ran(5, 15, 20)
	if r := s.verified(); r.Mismatched() != 0 || r.Equal != 1 {
		t.Errorf("up to day 15: %+v", r)
	}
	s.At = day(45)
	if got := told(s.verified()); !strings.HasPrefix(got, "a/1 older row") {
		t.Errorf("up to day 45: %s", got)
	}
	if _, err := s.Verify(t.Context(), []string{"order"}); asof.ErrorCode(err) != asof.CodeNotFound || !strings.Contains(err.Error(), `did you mean "orders"`) {
		t.Errorf("a view that does not exist: %v", err)
	}
}

// TestKey compares keys that agree, that nobody has, and that are none.
func TestKey(t *testing.T) {
	s := newShop(t, 0)
	s.source("a 1 10 - 1 x; é 2 10 - 2 y")
	s.write("a 1 10 - 1 x; é 2 40 - 2 y")
	s.ran(1, 31, 40)
	for key, want := range map[[2]string][3]int64{{"a", "1"}: {1, 1, 0}, {"é", "2"}: {1, 0, 1}, {"a", "2"}: {}, {"", "1"}: {}} {
		r, err := s.Key(t.Context(), s.view, map[string]string{"user": key[0], "shop": key[1]})
		if err != nil || [3]int64{r.Keys, r.Equal, r.Ahead} != want {
			t.Errorf("%v: %v, %+v", key, err, r)
		}
	}
	for want, texts := range map[string]map[string]string{`the join key "shop"`: {"user": "a"}, `no join key "sop"`: {"user": "a", "shop": "1", "sop": "1"}, "the join key shop: ": {"user": "a", "shop": "one"}} {
		if _, err := s.Key(t.Context(), s.view, texts); asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", texts, err, want)
		}
	}
}

// plain is a store that cannot list its keys.
type plain struct{ asof.OnlineStore }

// stutter is a store that lists every key twice.
type stutter struct{ *memory.Online }

func (s stutter) Keys(ctx context.Context, project string, view *asof.FeatureView, each func([][]byte) error) error {
	return s.Online.Keys(ctx, project, view, func(keys [][]byte) error {
		for _, key := range keys {
			if err := each([][]byte{key, key}); err != nil {
				return err
			}
		}
		return each(keys)
	})
}

// seconds is a store that keeps whole seconds alone.
type seconds struct{ *memory.Online }

func (seconds) EventUnit() time.Duration { return time.Second }

func TestCoarseTimes(t *testing.T) {
	s := newShop(t, 0)
	source := s.rows("a 1 10 10 1 x; b 1 12 12 2 y; c 1 -20000 - 3 z")
	s.write("a 1 10 10 1 x; b 1 11 12 2 y; c 1 -20000 - 3 z")
	later := array.NewTimestampBuilder(arrowmemory.DefaultAllocator, asof.Timestamp.(*arrow.TimestampType))
	for _, at := range source.Column(2).(*array.Timestamp).Values() {
		later.Append(at + 999_999)
	}
	columns := source.Columns()
	columns[2] = later.NewArray()
	s.offline.Put("orders", array.NewRecordBatch(source.Schema(), columns, 3))
	s.ran(1, 31, 40)
	if r := s.verified(); r.Causes[verify.OlderRow] != 3 {
		t.Errorf("times of microseconds: %v", r.Causes)
	}
	s.Online = seconds{s.online}
	if r := s.verified(); r.Equal != 2 || r.Causes[verify.OlderRow] != 1 {
		t.Errorf("times of seconds: %s", told(r))
	}
}

func TestSampleAndMany(t *testing.T) {
	defer verify.ReadFewer(300)()
	s := newShop(t, 0)
	var source, online strings.Builder
	const n = 2000
	for i := range n {
		fmt.Fprintf(&source, "u%d 1 10 - %d x;", i, i)
		if i%10 != 0 { // every tenth is missing
			fmt.Fprintf(&online, "u%d 1 10 - %d x;", i, i)
		} else {
			fmt.Fprintf(&online, "f%d 1 10 - %d x;", i, i) // and another is there
		}
	}
	s.source(source.String())
	s.write(online.String())
	s.ran(1, 31, 40)
	s.Limit = 7
	r := s.verified()
	if r.Keys != n+n/10 || r.Causes[verify.NeverLoaded] != n/10 || r.Causes[verify.ForeignWrite] != n/10 || len(r.Mismatches) != 7 {
		t.Errorf("all keys: %d keys, %v, %d kept", r.Keys, r.Causes, len(r.Mismatches))
	}
	s.Online = stutter{s.online}
	if again := s.verified(); again.Keys != r.Keys || again.Causes[verify.ForeignWrite] != n/10 {
		t.Errorf("with each key listed twice: %d keys, %v", again.Keys, again.Causes)
	}
	s.Online = plain{s.online}
	if r := s.verified(); r.Causes[verify.ForeignWrite] != 0 || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "does not list its keys") {
		t.Errorf("a store that does not list its keys: %+v", r.Notes)
	}
	s.Online, s.Limit, s.Sample, s.Seed = s.online, n, 400, 1
	first, again := s.verified(), s.verified()
	if told(first) != told(again) {
		t.Error("two samples of one seed differ")
	}
	sourced := first.Keys - first.Causes[verify.ForeignWrite]
	if missing := first.Causes[verify.NeverLoaded]; sourced != 400 || missing < 15 || missing > 80 || first.Causes[verify.ForeignWrite] == 0 {
		t.Errorf("a sample of %d keys found %v", sourced, first.Causes)
	}
	s.Seed = 2
	if told(s.verified()) == told(first) {
		t.Error("two seeds take the same sample")
	}
	s.Sample = 2 * n
	if r := s.verified(); r.Keys != n+n/10 {
		t.Errorf("a sample of more than there is has %d keys", r.Keys)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Verify(ctx, nil); err == nil {
		t.Error("a cancelled run succeeded")
	}
}
