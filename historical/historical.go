// Package historical makes training data: it resolves what is asked for
// against a registry snapshot, reads the entity rows, has an offline store join
// them as of their own times, and writes the answer to a file with a receipt
// beside it, or into a table of the warehouse. It makes a training set again from its
// receipt, and explains where a value came from. [Sets] are those of a
// repository, as a server shows, makes and hands them out.
package historical

import (
	"context"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/ondemand"
	"github.com/asof-dev/asof/receipt"
)

// Request asks for training data. What to read is named by References, each
// view:feature, or by Service, a feature service; by one of the two.
type Request struct {
	Snapshot   *asof.Snapshot
	Store      asof.OfflineStore
	References []string
	Service    string
	Aliases    map[string]asof.Projection // views by other names, which References may use; their features are not looked at
	FullNames  bool                       // columns are named view__feature, with the view's alias where it has one
	Entities   Entities
	Label      string // a column that is moved last; "" for none
	Output     string // a .csv, .parquet or .arrow file; its folder is made where it is missing
	Table      string // or a table of Warehouse, as Warehouse.Replace writes it
	Warehouse  asof.Warehouse
	Progress   asof.Progress     // may be nil
	Workers    *ondemand.Workers // Python processes for on-demand functions that need one; may be nil

	// CreatedCutoff leaves out what was created after an entity row's time.
	CreatedCutoff bool

	Version  string         // the program's, for the receipt
	By       string         // who asks a server, for the receipt
	Dir      string         // the repository: where the receipt's file names start
	Receipts receipt.Folder // keeps a copy of the receipt; "": no receipt is made

	receipted bool             // a receipt is made, though no folder keeps it
	mem       memory.Allocator // nil: the default
}

// Entities say where the entity rows are. Exactly one is set.
type Entities struct {
	Path   string       // a .csv, .parquet, .arrow or .feather file
	SQL    string       // a SELECT in the offline store's own words
	JSON   string       // a list of objects: [{"user_id": 7, "event_timestamp": "2024-01-31"}]
	Events *asof.Events // rows of the views' own

	// Records are read once, and not released, which they may not be before the
	// answer is. Their event_timestamp may be text.
	Records array.RecordReader
}

// Result is what Run wrote.
type Result struct {
	Rows    int64
	Columns []string
	Empty   []string         // features that have no value in any row; none where there are no rows
	Pulls   []asof.Pull      // what came from other databases
	Receipt *receipt.Receipt // nil where none was asked for
}

// Run writes the training data to r.Output or r.Table: the entity rows in their
// order with their columns, then the features as asked. The file or the table
// appears whole or not at all; a file that is there is replaced, and so is a
// table that an earlier run wrote.
//
// A mistake in the request or in the entity rows is CodeInvalid, a name that
// the registry does not hold CodeNotFound; errors of the stores are passed on.
func Run(ctx context.Context, r Request) (Result, error) {
	to, err := r.destination(ctx) // first, so that no query is waited for in vain
	if err != nil {
		return Result{}, err
	}
	defer to.discard()
	result, err := r.fill(ctx, to)
	if err != nil {
		return Result{}, err
	}
	if result.Receipt == nil || r.Receipts == "" {
		return result, to.commit(ctx, result.Receipt)
	}
	// The copy comes first: what appears can be made again.
	if err := r.Receipts.Keep(result.Receipt); err != nil {
		return Result{}, asof.Errorf(asof.CodeInvalid, "%w; let this user write there, or ask for no receipt (--no-receipt)", err)
	}
	if err := to.commit(ctx, result.Receipt); err != nil {
		r.Receipts.Forget(result.Receipt)
		return Result{}, err
	}
	return result, nil
}

// fill writes the answer, and lets go of all that was read for it.
func (r *Request) fill(ctx context.Context, to destination) (Result, error) {
	answer, err := r.ask(ctx)
	if err != nil {
		return Result{}, err
	}
	defer answer.Release()
	counted := newTally(answer, r.Progress)
	if err := to.write(ctx, counted); err != nil {
		return Result{}, err
	}
	return counted.result()
}

// Print writes the training data to w as JSON, a list of objects.
func Print(ctx context.Context, r Request, w io.Writer) (Result, error) {
	answer, err := r.ask(ctx)
	if err != nil {
		return Result{}, err
	}
	defer answer.Release()
	counted := newTally(answer, r.Progress)
	if err := writeJSON(ctx, counted, w); err != nil {
		return Result{}, err
	}
	return counted.result()
}

// Records answers with the rows that Run would write, as they are computed.
// The caller releases the reader. Output and Table are not looked at.
func Records(ctx context.Context, r Request) (array.RecordReader, error) {
	answer, err := r.ask(ctx)
	if err != nil {
		return nil, err // not the reader: a nil *answer is not a nil interface
	}
	return answer, nil
}

// Reads returns the feature views that the request reads, those under on-demand
// views included.
func Reads(r Request) ([]*asof.FeatureView, error) {
	chosen, err := r.choose()
	if err != nil {
		return nil, err
	}
	return chosen.defined, nil
}

// prepare resolves what is asked for, and opens the entity rows.
func (r *Request) prepare(ctx context.Context) (*choice, *entityRows, error) {
	chosen, err := r.choose()
	if err != nil {
		return nil, nil, err
	}
	entities, err := r.open(ctx, chosen)
	return chosen, entities, err
}

// ask has the store answer the request.
func (r *Request) ask(ctx context.Context) (*answer, error) {
	chosen, entities, err := r.prepare(ctx)
	if err != nil {
		return nil, err
	}
	var begun *draft
	if r.Receipts != "" || r.receipted {
		begun = r.draft(ctx, chosen)
	}
	a, err := r.answer(ctx, entities, chosen)
	if err != nil {
		entities.release()
		begun.release()
		return nil, err
	}
	a.draft = begun
	return a, nil
}

// answer has the store join the entity rows. They are the answer's only where
// there is no error.
func (r *Request) answer(ctx context.Context, entities *entityRows, chosen *choice) (*answer, error) {
	var pulls []asof.Pull
	asked := r.pointInTime(entities, chosen)
	asked.Pulled = func(p asof.Pull) { pulls = append(pulls, p) }
	rows, err := r.Store.Historical(ctx, asked)
	if err != nil {
		return nil, err
	}
	a, err := newAnswer(ctx, rows, entities, chosen, r)
	if err != nil {
		rows.Release()
		return nil, err
	}
	a.pulls = pulls
	return a, nil
}

func (r *Request) pointInTime(entities *entityRows, chosen *choice) *asof.PointInTime {
	return &asof.PointInTime{Entities: entities.EntityRows, Timestamp: entities.timestamp, Views: chosen.views, CreatedCutoff: r.CreatedCutoff}
}

// Plan says how the store would answer the request, view by view. Output is not
// looked at. A store that cannot tell is CodeInvalid.
func Plan(ctx context.Context, r Request) ([]asof.ViewPlan, error) {
	explainer, ok := r.Store.(asof.Explainer)
	if !ok {
		return nil, asof.Errorf(asof.CodeInvalid, "this offline store does not say how it answers; leave --explain out")
	}
	chosen, entities, err := r.prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer entities.release()
	return explainer.Explain(ctx, r.pointInTime(entities, chosen))
}

func (r *Request) allocator() memory.Allocator {
	if r.mem == nil {
		return memory.DefaultAllocator
	}
	return r.mem
}

// names returns the names of a schema's columns.
func names(s *arrow.Schema) []string {
	list := make([]string, s.NumFields())
	for i, f := range s.Fields() {
		list[i] = f.Name
	}
	return list
}
