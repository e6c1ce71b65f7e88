package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/asof-dev/asof"
)

// OfflineUnderTest is an offline store, and how it comes by tables.
type OfflineUnderTest struct {
	asof.OfflineStore

	Name string // as cases name it that it cannot run

	// Load makes a table that the store can read, and the source that reads
	// it; the suite fills in the source's time columns.
	Load func(t *testing.T, table OfflineTable) *asof.DataSource

	// SQL returns what makes the store select a table's rows in their order;
	// nil for OfflineTable.Values.
	SQL func(t *testing.T, table OfflineTable) string
}

// Offline is the conformance suite of asof.OfflineStore: the corpus of
// point-in-time cases, and what they cannot say. open returns a store without
// tables each time.
func Offline(t *testing.T, open func(t *testing.T) OfflineUnderTest) {
	cases, err := corpus()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("case", func(t *testing.T) {
		for _, c := range cases {
			t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) { c.run(t, open(t)) })
		}
	})
	for name, test := range map[string]func(*testing.T, OfflineUnderTest){
		"many batches":             offlineBatches,
		"no entity rows":           offlineEmpty,
		"other columns untouched":  offlineOtherColumns,
		"columns and range":        offlineSources,
		"missing columns":          offlineMissing,
		"cancelled":                offlineCancelled,
		"rows that came since":     offlineSince,
		"sorted":                   offlineSorted,
		"agrees with memory":       offlineAgrees,
		"events":                   offlineEvents,
		"events agree with memory": offlineEventsAgree,
		"rows":                     offlineRows,
		"profile":                  offlineProfile,
		"profile of no rows":       offlineProfileEmpty,
		"profiles agree":           offlineProfileAgrees,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// run runs a case, with entity rows from Arrow and from SQL.
func (c *corpusCase) run(t *testing.T, u OfflineUnderTest) {
	if c.not[u.Name] != "" {
		return
	}
	views := c.load(t, u)
	if c.latest != nil {
		c.runLatest(t, u, views)
		return
	}
	list, err := c.queries(views)
	if err != nil {
		t.Fatalf("%s: %v", c.place, err)
	}
	t.Run("records", func(t *testing.T) { c.runWith(t, u, recordsOf(t, *c.ask), list) })
	if c.not[u.Name+"/sql"] == "" {
		t.Run("sql", func(t *testing.T) { c.runWith(t, u, sqlOf(t, u, *c.ask), list) })
	}
}

func (c *corpusCase) runWith(t *testing.T, u OfflineUnderTest, entities asof.EntityRows, views []asof.ViewQuery) {
	q := &asof.PointInTime{Entities: entities, Timestamp: asof.EventTimestamp, Views: views, CreatedCutoff: c.cutoff}
	rows, schema, err := collect(u.Historical(t.Context(), q))
	if c.failed(t, err) {
		return
	}
	c.checkSchema(t, schema, views)
	asked := c.asked(t)
	if len(c.expect) != len(c.ask.Rows) {
		t.Fatalf("%s: %d rows are expected for %d entity rows", c.place, len(c.expect), len(c.ask.Rows))
	}
	want := make([][]string, 0, len(c.expect))
	for i, expected := range c.expect {
		var values []string
		for _, column := range asked.Columns() {
			values = append(values, text(column, i))
		}
		want = append(want, append(values, expected...))
	}
	if d := cmp.Diff(want, rows, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s: -want +got\n%s", c.place, d)
	}
}

// queries returns what the case asks of its views: the service's projections,
// under their full names, else the views as they stand.
func (c *corpusCase) queries(views map[string]*asof.ViewQuery) ([]asof.ViewQuery, error) {
	var list []asof.ViewQuery
	if c.service == nil {
		for _, v := range c.views {
			list = append(list, *views[v.View])
		}
		return list, nil
	}
	for _, p := range c.service {
		if views[p.view] == nil {
			return nil, fmt.Errorf("the service uses view %s, which the case does not have", p.view)
		}
		q, err := p.of(views[p.view])
		if err != nil {
			return nil, err
		}
		list = append(list, q)
	}
	return list, nil
}

// of makes a feature view of a case's view, whose columns' other names are its
// source's field mapping, and asks for it as the projection does.
func (p *corpusProjection) of(q *asof.ViewQuery) (asof.ViewQuery, error) {
	source := *q.Source
	source.FieldMapping = map[string]string{}
	view := &asof.FeatureView{Name: q.View, Source: &source}
	if q.TTL > 0 {
		view.TTL = &q.TTL
	}
	for _, k := range q.Keys {
		source.FieldMapping[k.Column] = k.Entity
		view.EntityColumns = append(view.EntityColumns, asof.Field{Name: k.Entity, Type: k.Type})
	}
	for _, f := range q.Features {
		source.FieldMapping[f.Column] = f.Output
		view.Features = append(view.Features, asof.Field{Name: f.Output, Type: f.Type})
	}
	projection := asof.Projection{View: q.View, Alias: p.alias, Features: view.Features, JoinKeyMap: map[string]string{}}
	if p.features != nil {
		projection.Features = nil
	}
	for _, name := range p.features {
		projection.Features = append(projection.Features, asof.Field{Name: name})
	}
	for _, k := range p.keys {
		projection.JoinKeyMap[k[0]] = k[1]
	}
	asked, err := projection.Query(view)
	for i := range asked.Features {
		asked.Features[i].Output = projection.Name() + "__" + asked.Features[i].Output
	}
	return asked, err
}

// load makes the case's tables, and the views over them.
func (c *corpusCase) load(t *testing.T, u OfflineUnderTest) map[string]*asof.ViewQuery {
	t.Helper()
	sources := map[string]*asof.DataSource{}
	for name, table := range c.tables {
		sources[name] = u.Load(t, *table)
	}
	views := map[string]*asof.ViewQuery{}
	for _, v := range c.views {
		if sources[v.table] == nil {
			t.Fatalf("%s: view %s reads the table %s, which the case does not have", c.place, v.View, v.table)
		}
		q := v.ViewQuery
		source := *sources[v.table]
		source.TimestampField, source.CreatedField = q.Timestamp, q.Created
		q.Source = &source
		views[v.View] = &q
	}
	return views
}

func (c *corpusCase) asked(t *testing.T) arrow.RecordBatch {
	batch := c.ask.Records(t)
	t.Cleanup(batch.Release)
	return batch
}

// failed reports whether the query failed as it should have.
func (c *corpusCase) failed(t *testing.T, err error) bool {
	t.Helper()
	if c.fails == "" {
		if err != nil {
			t.Fatalf("%s: %v", c.place, err)
		}
		return false
	}
	if err == nil || asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), c.fails) {
		t.Errorf("%s: %v (%s), want an invalid one that says %q", c.place, err, asof.ErrorCode(err), c.fails)
	}
	return true
}

// checkSchema holds the answer's columns against the contract.
func (c *corpusCase) checkSchema(t *testing.T, schema *arrow.Schema, views []asof.ViewQuery) {
	t.Helper()
	var want, got []string
	for _, f := range c.asked(t).Schema().Fields() {
		want = append(want, f.Name)
	}
	for _, f := range schema.Fields() {
		got = append(got, f.Name)
	}
	if d := cmp.Diff(append(want, c.output...), got); d != "" {
		t.Fatalf("%s: columns: -want +got\n%s", c.place, d)
	}
	for i, f := range c.asked(t).Schema().Fields() { // a decimal stays exact on its way through
		if got := schema.Field(i).Type; f.Type.ID() == arrow.DECIMAL128 && !arrow.TypeEqual(got, f.Type) {
			t.Errorf("%s: the entity rows' %s is %s, want %s", c.place, f.Name, got, f.Type)
		}
	}
	at := len(want)
	for _, v := range views {
		for _, f := range v.Features {
			if got := schema.Field(at).Type; !arrow.TypeEqual(got, f.Type.Arrow()) {
				t.Errorf("%s: %s is %s, want %s", c.place, f.Output, got, f.Type.Arrow())
			}
			at++
		}
	}
}

func (c *corpusCase) runLatest(t *testing.T, u OfflineUnderTest, views map[string]*asof.ViewQuery) {
	q := &asof.Latest{View: *views[c.latest.view], From: c.latest.from, To: c.latest.to}
	if c.latest.keys != nil {
		keys := OfflineTable{Name: "keys", Rows: c.latest.keys}
		for _, k := range q.View.Keys {
			typ := "text"
			if k.Type.Value == asof.TypeInt64 {
				typ = "bigint"
			}
			keys.Columns = append(keys.Columns, asof.TableColumn{Name: k.Entity, Type: typ})
		}
		q.Keys = keys.Records(t)
		defer q.Keys.Release()
	}
	rows, schema, err := collect(u.PullLatest(t.Context(), q))
	if c.failed(t, err) {
		return
	}
	var columns []string
	for _, f := range schema.Fields() {
		columns = append(columns, f.Name)
	}
	slices.SortFunc(rows, slices.Compare)
	slices.SortFunc(c.expect, slices.Compare)
	if d := cmp.Diff(c.output, columns); d != "" {
		t.Errorf("%s: columns: -want +got\n%s", c.place, d)
	}
	if d := cmp.Diff(c.expect, rows); d != "" {
		t.Errorf("%s: -want +got\n%s", c.place, d)
	}
}

// recordsOf returns entity rows in batches of two rows.
func recordsOf(t *testing.T, table OfflineTable) asof.EntityRows {
	t.Helper()
	all := table.Records(t)
	defer all.Release()
	var parts []arrow.RecordBatch
	for from := int64(0); from < all.NumRows(); from += 2 {
		parts = append(parts, all.NewSlice(from, min(from+2, all.NumRows())))
	}
	reader, err := array.NewRecordReader(all.Schema(), parts)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		p.Release()
	}
	t.Cleanup(reader.Release)
	return asof.EntityRows{Schema: all.Schema(), Records: reader}
}

func sqlOf(t *testing.T, u OfflineUnderTest, table OfflineTable) asof.EntityRows {
	if u.SQL != nil {
		return asof.EntityRows{SQL: u.SQL(t, table)}
	}
	return asof.EntityRows{SQL: table.Values()}
}

// collect reads an answer to its end and releases it.
func collect(reader array.RecordReader, err error) ([][]string, *arrow.Schema, error) {
	if err != nil {
		return nil, nil, err
	}
	defer reader.Release()
	var rows [][]string
	for reader.Next() {
		batch := reader.RecordBatch()
		for i := range int(batch.NumRows()) {
			row := make([]string, batch.NumCols())
			for j, column := range batch.Columns() {
				row[j] = text(column, i)
			}
			rows = append(rows, row)
		}
	}
	if err := reader.Err(); err != nil {
		return nil, nil, err
	}
	return rows, reader.Schema(), nil
}

func micros(us int64) string { return time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.999999Z") }

// isCancelled reports whether an error is the end of a context.
func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
