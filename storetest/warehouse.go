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
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
)

// WarehouseUnderTest is an empty warehouse, and how the store that reads it
// answers SQL: every value as text, NULL as "∅". Read sees what is published
// alone, also while a stage is open. Offline is that store; the suite leaves it
// open.
type WarehouseUnderTest struct {
	asof.Warehouse
	Read    func(ctx context.Context, sql string) ([][]string, error)
	Offline asof.OfflineStore
}

// Warehouse is the conformance suite of asof.Warehouse. open returns a new,
// empty one each time.
func Warehouse(t *testing.T, open func(t *testing.T) WarehouseUnderTest) {
	for name, test := range map[string]func(*testing.T, WarehouseUnderTest){
		"a publication appears at once":            testPublishAtOnce,
		"the same files change nothing":            testPublishAgain,
		"a corrected file corrects":                testCorrection,
		"dropped keys are remembered until back":   testDropped,
		"an older month leaves live tables alone":  testOlderMonth,
		"a stage sees its own rows and the others": testStageSees,
		"columns that nobody fills stay":           testUndeclared,
		"any months in any order":                  testRandomMonths,
		"references are kept":                      testReferences,
		"discarded is gone":                        testDiscard,
		"a failed publication changes nothing":     testFailedPublication,
		"duplicate and null keys are refused":      testKeys,
		"every type comes back":                    testTypes,
		"publications wait for one another":        testPublicationsWait,
		"a stage outlasts its process":             testStageStays,
		"a stage is taken over":                    testStageTaken,
		"a run publishes before another or not":    testPublishedSince,
		"a table is made of the stage's own":       testMake,
		"tables are staged side by side":           testSideBySide,
		"a fence stops a publication":              testFence,
		"rows are added":                           testAppend,
		"a file replaces a table":                  testReplaceRows,
		"publications are listed newest first":     testPublications,
		"a rollback puts everything back":          testRollback,
		"the first publication is rolled back":     testRollbackFirst,
		"rollbacks go from the newest":             testRollbackRefused,
		"what was appended since stays":            testRollbackAppended,
		"any months and rollbacks":                 testRandomRollbacks,
		"a table is replaced as a whole":           testReplace,
		"a replacement that fails changes nothing": testReplaceFails,
		"what others made is not replaced":         testReplaceRefuses,
		"of two replacements the later stays":      testReplaceTwice,
		"a replacement of many rows":               testReplaceMany,
		"every value of a replacement comes back":  testReplaceTypes,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

var (
	january  = time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC)
	february = time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)

	usersTable = asof.Table{Name: "users", Key: []string{"user_id"}, Columns: []asof.TableColumn{
		{Name: "user_id", Type: "text"}, {Name: "has_family", Type: "boolean"}}}
	usageTable = asof.Table{Name: "usage", Key: []string{"user_id"}, References: map[string]string{"user_id": "users"},
		Columns: []asof.TableColumn{{Name: "user_id", Type: "text"}, {Name: "hours", Type: "numeric(8,2)"}, {Name: "devices", Type: "integer"}}}
	usageSnapshots = asof.Table{Name: "usage_snapshots", Key: []string{"user_id"}, Columns: usageTable.Columns}
)

// month is what one run of the suite's small pipeline publishes.
type month struct {
	asOf         time.Time
	users, usage [][]string
}

var firstMonth = month{january,
	[][]string{{"a", "true"}, {"b", "false"}, {"c", "∅"}},
	[][]string{{"a", "1.50", "1"}, {"b", "2.25", "2"}, {"c", "∅", "∅"}}}

func (m month) publication(id string) asof.Publication {
	return asof.Publication{ID: id, Name: "ingest", AsOf: m.asOf,
		Writes: []asof.Write{{Table: usersTable}, {Table: usageTable}},
		Frozen: []asof.Frozen{{Table: usageSnapshots, SQL: "SELECT user_id, hours, devices FROM usage"}}}
}

// tableRows are the rows of one file.
type tableRows struct {
	table asof.Table
	rows  [][]string
}

func (m month) loads() []tableRows { return []tableRows{{usersTable, m.users}, {usageTable, m.usage}} }

// stageMonth loads the month's rows into a new stage of w.
func stageMonth(ctx context.Context, w asof.Warehouse, id string, m month) (asof.Stage, error) {
	stage, err := w.Stage(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, load := range m.loads() {
		if _, err := loadRows(ctx, stage, load.table, load.rows); err != nil {
			return nil, errors.Join(err, stage.Discard(ctx))
		}
	}
	return stage, nil
}

func publishMonth(t *testing.T, w asof.Warehouse, id string, m month) asof.Published {
	t.Helper()
	stage, err := stageMonth(t.Context(), w, id, m)
	if err != nil {
		t.Fatal(err)
	}
	done, err := stage.Publish(t.Context(), m.publication(id))
	if err = errors.Join(err, stage.Discard(t.Context())); err != nil {
		t.Fatal(err)
	}
	return done
}

func loadRows(ctx context.Context, stage asof.Stage, table asof.Table, rows [][]string) (int64, error) {
	schema, err := table.Schema()
	if err != nil {
		return 0, err
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	for _, row := range rows {
		for i, text := range row {
			if text == "∅" {
				builder.Field(i).AppendNull()
			} else if err := builder.Field(i).AppendValueFromString(text); err != nil {
				return 0, err
			}
		}
	}
	batch := builder.NewRecordBatch()
	defer batch.Release()
	reader, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
	if err != nil {
		return 0, err
	}
	defer reader.Release()
	return stage.Load(ctx, table, reader, func() string { return fmt.Sprint(rows) })
}

// state reads the three tables of a month, sorted.
func state(t *testing.T, w WarehouseUnderTest) [][]string {
	t.Helper()
	var all [][]string
	for _, sql := range []string{
		"SELECT 'users', user_id, has_family FROM users ORDER BY user_id",
		"SELECT 'usage', user_id, hours, devices FROM usage ORDER BY user_id",
		"SELECT 'snapshot', as_of, user_id, hours, devices FROM usage_snapshots ORDER BY as_of, user_id",
	} {
		all = append(all, read(t, w, sql)...)
	}
	return all
}

func read(t *testing.T, w WarehouseUnderTest, sql string) [][]string {
	t.Helper()
	rows, err := w.Read(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return rows
}

// counted is a TableChange without its batch.
func counted(changes []asof.TableChange) []asof.TableChange {
	plain := slices.Clone(changes)
	for i := range plain {
		plain[i].Dropped = nil
		if plain[i].Skipped != "" {
			plain[i].Skipped = "yes"
		}
	}
	return plain
}

// droppedOf returns the first column of the dropped keys of a table.
func droppedOf(t *testing.T, p asof.Published, table string) []string {
	t.Helper()
	var keys []string
	for _, c := range p.Tables {
		if c.Table != table || c.Dropped == nil {
			continue
		}
		if c.Dropped.NumRows() == 0 {
			t.Errorf("%s: an empty batch of dropped keys; nil says that there are none", table)
		}
		for i := range int(c.Dropped.NumRows()) {
			keys = append(keys, strings.Clone(c.Dropped.Column(0).ValueStr(i)))
		}
		c.Dropped.Release()
	}
	slices.Sort(keys)
	return keys
}

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}
