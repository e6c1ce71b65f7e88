package cli

import (
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/definition"
	"github.com/asof-dev/asof/monitor"
)

// baseline stands on the command line for the kept baseline.
const baseline = "baseline"

var spanForm = regexp.MustCompile(`^\d{4}-\d\d(-\d\d)?$`)

// isSpan reports whether a text on the command line is meant as a span, of rows or
// of what was served.
func isSpan(text string) bool {
	return spanForm.MatchString(text) || strings.Contains(text, "..") && !strings.ContainsAny(text, `/\`) || text == served || strings.HasPrefix(text, served+":")
}

// refer completes a reference that is no span: the baseline, or a training set,
// to whose features the comparison is bound then.
func (r *repository) refer(ctx context.Context, m *monitor.Monitor, c *comparison, reference *monitor.Side) (err error) {
	switch {
	case c.reference == "" || isSpan(c.reference):
		return nil
	case c.reference == baseline:
		*reference = m.Baseline()
		return nil
	}
	t, err := r.trainedWith(ctx, c.reference)
	if err != nil {
		return err
	}
	snapshot, err := r.snapshot(ctx)
	if err != nil {
		return err
	}
	filled, err := snapshot.Filled(c.views)
	if err != nil {
		return err
	}
	views, features := t.Has(filled)
	if len(views) == 0 {
		return asof.Errorf(asof.CodeNotFound, "the training set %s has no feature of the views that are compared: its columns are %s", t.Name, strings.Join(t.Columns, ", "))
	}
	c.views = views
	if len(c.features) == 0 {
		c.features = features
	}
	*reference, err = t.Side(ctx)
	return err
}

// trainedWith finds a training set by its file, or by its receipt: the file of
// that, its ID, or its table.
func (r *repository) trainedWith(ctx context.Context, name string) (*monitor.TrainingSet, error) {
	t := &monitor.TrainingSet{Name: filepath.Base(name), Source: &asof.DataSource{Kind: asof.SourceFile, Path: r.app.input(name)}}
	made, err := r.app.receipt(r, name)
	if trained := isTrainingFile(t.Source.Path); err != nil && !(trained && fileExists(t.Source.Path)) {
		if asof.ErrorCode(err) == asof.CodeNotFound {
			return nil, asof.Errorf(asof.CodeNotFound, "--reference %s is no span, no training set and not %q: %w", name, baseline, err)
		}
		return nil, err
	} else if err == nil {
		t.FullNames = made.Request.FullNames
		for _, v := range made.Views {
			t.Views = append(t.Views, v.Name)
		}
		if !trained {
			t.Name, t.Source.Path = filepath.Base(made.Output), r.app.input(made.Output)
		}
		if made.Table != "" {
			t.Name, t.Source = made.Table, &asof.DataSource{Kind: asof.SourcePostgres, Table: made.Table}
		}
	}
	if t.Source.Kind == asof.SourceFile {
		if t.Source.Path, err = filepath.Abs(t.Source.Path); err != nil {
			return nil, err
		}
		if !isTrainingFile(t.Source.Path) {
			return nil, asof.Errorf(asof.CodeInvalid, "the training set %s is neither .csv nor .parquet: write it as one of these", t.Name)
		}
	}
	t.Source.Name = t.Name
	return t, r.readTraining(ctx, t)
}

// isTrainingFile reports whether a file is one that can be described.
func isTrainingFile(path string) bool {
	return slices.Contains([]string{".csv", ".parquet"}, strings.ToLower(filepath.Ext(path)))
}

// readTraining finds who reads the training set, its columns, and which of them
// is the time: event_timestamp, or the only one.
func (r *repository) readTraining(ctx context.Context, t *monitor.TrainingSet) (err error) {
	if t.Reader, err = r.Offline(ctx); err != nil {
		return err
	}
	if t.Source.Kind == asof.SourceFile && r.config.Offline.Type == "postgres" { // which reads no files
		t.Reader, err = open(ctx, r.app.engines.Offline, r.setup(definition.Section{Name: "offline_store", Type: "duckdb"}))
		if err != nil {
			return err
		}
		r.closers = append(r.closers, t.Reader)
	}
	columns, err := t.Reader.Columns(ctx, t.Source)
	if err != nil {
		return asof.Errorf(asof.ErrorCode(err), "the training set %s cannot be read: %w", t.Name, err)
	}
	var times []string
	for _, c := range columns {
		t.Columns = append(t.Columns, c.Name)
		if c.IsTime {
			times = append(times, c.Name)
		}
	}
	switch {
	case slices.Contains(times, "event_timestamp"):
		t.Source.TimestampField = "event_timestamp"
	case len(times) == 1:
		t.Source.TimestampField = times[0]
	default:
		return asof.Errorf(asof.CodeInvalid, "the training set %s has %d columns of times, and none is called event_timestamp: name the one of the entity rows so", t.Name, len(times))
	}
	return nil
}
