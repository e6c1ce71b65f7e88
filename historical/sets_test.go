package historical_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/receipt"
)

// setsOf are the training sets of a repository in a new folder.
func setsOf(t *testing.T, change func(*historical.Request)) *historical.Sets {
	t.Helper()
	base := request(t, historical.Request{})
	base.Dir, base.Version = t.TempDir(), "1.0"
	base.Receipts = receipt.Folder(filepath.Join(base.Dir, "data", "datasets"))
	if change != nil {
		change(&base)
	}
	s := &historical.Sets{Project: "streamflow", Dir: base.Dir, Folder: filepath.Join(base.Dir, "data", "training"), Receipts: base.Receipts,
		Ask: func(_ context.Context, r *historical.Request) error {
			r.Snapshot, r.Store, r.Dir, r.Version, r.Receipts = base.Snapshot, base.Store, base.Dir, base.Version, base.Receipts
			return nil
		},
		Tables: func(context.Context) (map[string]string, error) { return nil, errors.New("the warehouse is away") },
		Table: func(context.Context, string, int) (array.RecordReader, error) {
			return nil, errors.New("the warehouse is away")
		}}
	t.Cleanup(s.Jobs.Close)
	return s
}

// ended waits for a job.
func ended(t *testing.T, s *historical.Sets, one historical.Job, err error) historical.Job {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); err == nil && time.Now().Before(until); time.Sleep(time.Millisecond) {
		if one, err = s.Jobs.Job(one.ID); one.State != historical.JobRunning {
			return one
		}
	}
	t.Fatalf("%+v, %v", one, err)
	return one
}

func receive(t *testing.T, s *historical.Sets, name, text string) string {
	t.Helper()
	id, err := s.Receive(name, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

const twoUsers = "user_id,event_timestamp,churn_label\n3413-BMNZE,2024-02-10,1\nnobody,2024-02-10,0\n"

// A set goes the whole way: an uploaded file, its rows as CSV and Parquet, made
// again, changed.
func TestSetIsMadeShownAndHandedOut(t *testing.T) {
	ctx := t.Context()
	s := setsOf(t, nil)
	o := historical.Order{Name: "février_2024", By: "ann", Service: "churn", FullNames: true, Label: "churn_label", Upload: receive(t, s, "Users.CSV", twoUsers)}
	if rows, err := s.Check(ctx, o); rows != 2 || err != nil {
		t.Fatalf("%d rows, %v", rows, err)
	}
	started, err := s.Make(ctx, o)
	job := ended(t, s, started, err)
	if job.State != historical.JobDone || job.Rows != 2 || job.By != "ann" || len(job.Empty) > 0 {
		t.Fatalf("%+v", job)
	}
	set, err := s.Find(ctx, job.Set)
	if err != nil || set.State != receipt.There || set.By != "ann" || set.Output != "data/training/février_2024/training.parquet" || set.Request.Entities.Path != "data/training/février_2024/entities.csv" {
		t.Fatalf("%+v, %v", set, err)
	}
	if left, _ := filepath.Glob(filepath.Join(s.Folder, "*", ".*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	preview, err := s.Preview(ctx, set)
	if err != nil || fmt.Sprint(preview.Columns) != "[user_id event_timestamp usage__watch_hours_30d subs__monthly_fee subs__months_active churn_label]" ||
		len(preview.Rows) != 2 || *preview.Rows[0][3] != "45.25" || preview.Rows[1][3] != nil || *preview.Rows[0][1] != "2024-02-10" {
		t.Errorf("%+v, %v", preview, err)
	}
	var csv, parquet bytes.Buffer
	if err := errors.Join(s.Export(ctx, set, "csv", &csv), s.Export(ctx, set, "parquet", &parquet)); err != nil {
		t.Fatal(err)
	}
	if want := "user_id,event_timestamp,usage__watch_hours_30d,subs__monthly_fee,subs__months_active,churn_label\n3413-BMNZE,2024-02-10,32.09199,45.25,1,1\nnobody,2024-02-10,,,,0\n"; csv.String() != want {
		t.Errorf("as CSV:\n%s", csv.String())
	}
	if err := os.WriteFile(set.Path(s.Dir), parquet.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	if again, err := s.Preview(ctx, set); err != nil || len(again.Rows) != 2 {
		t.Errorf("what was handed out as Parquet: %+v, %v", again, err)
	}
	if err := s.Export(ctx, set, "exe", &csv); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Error(err)
	}
	if changes, err := s.Changed(ctx, set.Receipt); len(changes) > 0 || err != nil {
		t.Errorf("changed: %q, %v", changes, err)
	}
	again, err := s.Reproduce(ctx, set.Receipt, "bob")
	if again = ended(t, s, again, err); !again.Same || again.Content != set.Content || again.By != "bob" {
		t.Errorf("%+v", again)
	}
	r := historical.Request{}
	_ = s.Ask(ctx, &r)
	put(t, r, "subscriptions", tables["subscriptions"].schema, `[{"user_id": "3413-BMNZE", "as_of": "2024-01-31", "months_active": 9, "monthly_fee": "1"}]`)
	changes, err := s.Changed(ctx, set.Receipt)
	if err != nil || len(changes) != 1 || !strings.Contains(changes[0], `source "subscriptions" holds 1 rows`) {
		t.Errorf("changed: %q, %v", changes, err)
	}
	again, err = s.Reproduce(ctx, set.Receipt, "bob")
	if again = ended(t, s, again, err); again.Same || len(again.Changes) < 2 {
		t.Errorf("%+v", again)
	}
	if list, more, wrong, err := s.List(ctx, 5); len(list) != 1 || more != 0 || len(wrong) > 0 || err != nil {
		t.Errorf("%v, %d, %v, %v", list, more, wrong, err)
	}
}

// A CSV file is handed out as Parquet only where it tells its values.
func TestCSVSetIsHandedOutExactly(t *testing.T) {
	ctx := t.Context()
	s := setsOf(t, nil)
	for name, c := range map[string]struct {
		rows  string
		exact bool
	}{
		"plain": {"user_id,event_timestamp\n3413-BMNZE,2024-02-10 10:00:00Z\nnobody,2024-02-10\n", true},
		"empty": {`[{"user_id": "3413-BMNZE", "event_timestamp": "2024-02-10", "note": ""}, {"user_id": "x", "event_timestamp": "2024-02-10", "note": null}]`, false},
	} {
		r := historical.Request{Service: "churn", Output: filepath.Join(s.Dir, name+".csv")}
		_ = s.Ask(ctx, &r)
		if r.Entities.Path = file(t, "users.csv", c.rows); !c.exact {
			r.Entities = historical.Entities{JSON: c.rows}
		}
		made, err := historical.Run(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		set, err := s.Find(ctx, made.Receipt.ID)
		if err != nil || s.File(set, "csv") == "" || s.File(set, "parquet") != "" {
			t.Fatalf("%+v, %v", set, err)
		}
		var out bytes.Buffer
		err = s.Export(ctx, set, "parquet", &out)
		if c.exact && (err != nil || out.Len() == 0) || !c.exact && (asof.ErrorCode(err) != asof.CodeInvalid || out.Len() > 0) {
			t.Errorf("%s: %d bytes, %v", name, out.Len(), err)
		}
		if preview, err := s.Preview(ctx, set); err != nil || len(preview.Rows) != 2 {
			t.Errorf("%s: %+v, %v", name, preview, err)
		}
	}
}

// What an order lacks is said in a sentence, and nothing is left of it.
func TestOrdersThatAreRefused(t *testing.T) {
	ctx := t.Context()
	s := setsOf(t, nil)
	good := historical.Order{Name: "a", Service: "churn", Day: time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)}
	with := func(change func(*historical.Order)) historical.Order {
		o := good
		change(&o)
		return o
	}
	for want, o := range map[string]historical.Order{
		"cannot be the name":                                with(func(o *historical.Order) { o.Name = "../a" }),
		`"" cannot be the name`:                             with(func(o *historical.Order) { o.Name = "" }),
		"does not exist":                                    with(func(o *historical.Order) { o.Service = "chur" }),
		"no features are asked for":                         with(func(o *historical.Order) { o.Service = "" }),
		"the entity rows are missing":                       with(func(o *historical.Order) { o.Day = time.Time{} }),
		"no pipeline makes a snapshot":                      with(func(o *historical.Order) { o.Snapshot = "labels; DROP" }),
		"to put last as the label":                          with(func(o *historical.Order) { o.Label = "churn" }),
		"is not kept any more":                              with(func(o *historical.Order) { o.Upload = "../../receipt.csv" }),
		"the uploaded file: there is no column \"user_id\"": with(func(o *historical.Order) { o.Upload = receive(t, s, "a.csv", "event_timestamp\n2024-01-31\n") }),
		"the uploaded file:2: event_timestamp is":           with(func(o *historical.Order) { o.Upload = receive(t, s, "a.csv", "user_id,event_timestamp\na,soon\n") }),
		"the uploaded file cannot be read as Parquet":       with(func(o *historical.Order) { o.Upload = receive(t, s, "a.parquet", "PAR") }),
	} {
		if _, err := s.Check(ctx, o); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), s.Dir) || asof.ErrorCode(err) == asof.CodeInternal {
			t.Errorf("%v, want %q", err, want)
		}
	}
	bad := historical.Order{Name: "bad", Service: "churn", Upload: receive(t, s, "a.csv", "event_timestamp\n2024-01-31\n")}
	job, err := s.Make(ctx, bad)
	if job = ended(t, s, job, err); job.State != historical.JobFailed || !strings.HasPrefix(job.Error, "the uploaded file: there is no column") {
		t.Errorf("%+v", job)
	}
	if _, err := s.Make(ctx, with(func(o *historical.Order) { o.Service = "chur" })); asof.ErrorCode(err) != asof.CodeNotFound {
		t.Error(err)
	}
	for range 30 {
		receive(t, s, "many.csv", "")
	}
	if kept, _ := os.ReadDir(filepath.Join(s.Folder, ".uploads")); len(kept) != 20 {
		t.Errorf("%d uploads are kept", len(kept))
	}
	if _, err := s.Receive("rows.exe", strings.NewReader("")); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Error(err)
	}
	for _, id := range []string{"", "../datasets", "x"} {
		if _, err := s.Find(ctx, id); asof.ErrorCode(err) != asof.CodeNotFound {
			t.Errorf("%q: %v", id, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(s.Folder, "*")); len(left) > 1 || len(s.Jobs.All()) > 1 {
		t.Errorf("left: %v, %v", left, s.Jobs.All())
	}
}

// Jobs that fail, are cancelled, or whose server stops leave nothing; more than
// two at once are refused; what a killed one left is taken away.
func TestJobsThatDoNotEndWell(t *testing.T) {
	ctx := t.Context()
	hold := make(chan struct{})
	release := func() error { <-hold; return errors.New("the engine is gone") }
	s := setsOf(t, func(r *historical.Request) { r.Store = &broken{r.Store, func() error { return release() }} })
	order := func(name string) historical.Order {
		return historical.Order{Name: name, Service: "churn", Upload: receive(t, s, "a.csv", twoUsers)}
	}
	first, err := s.Make(ctx, order("first"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Make(ctx, order("second"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Make(ctx, order("third")); asof.ErrorCode(err) != asof.CodeUnavailable {
		t.Errorf("a third at once: %v", err)
	}
	for !there(filepath.Join(s.Folder, "second", ".making")) {
		time.Sleep(time.Millisecond)
	}
	if _, err := s.Check(ctx, order("second")); asof.ErrorCode(err) != asof.CodeConflict {
		t.Errorf("the same name: %v", err)
	}
	if err := s.Jobs.Cancel(second.ID); err != nil {
		t.Fatal(err)
	}
	close(hold)
	first, second = ended(t, s, first, nil), ended(t, s, second, nil)
	if first.State != historical.JobFailed || first.Error != "the engine is gone" || second.State != historical.JobCancelled {
		t.Errorf("%+v, %+v", first, second)
	}
	if err := s.Jobs.Cancel(first.ID); asof.ErrorCode(err) != asof.CodeConflict {
		t.Error(err)
	}
	killed := filepath.Join(s.Folder, "killed")
	if err := errors.Join(os.MkdirAll(killed, 0o777), os.WriteFile(filepath.Join(killed, ".making"), nil, 0o666), os.WriteFile(filepath.Join(killed, "entities.csv"), nil, 0o666)); err != nil {
		t.Fatal(err)
	}
	var ctxDone context.CancelFunc
	release = func() error { ctxDone(); return context.Canceled }
	stopped := make(chan struct{})
	ctxDone = func() { go func() { s.Jobs.Close(); close(stopped) }() }
	last, err := s.Make(ctx, order("killed"))
	if last = ended(t, s, last, err); last.State != historical.JobCancelled {
		t.Errorf("%+v", last)
	}
	<-stopped
	if _, err := s.Make(ctx, order("late")); asof.ErrorCode(err) != asof.CodeUnavailable {
		t.Errorf("a server that stops: %v", err)
	}
	if left, _ := os.ReadDir(s.Folder); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	if list, _, _, err := s.List(ctx, 5); len(list) > 0 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
