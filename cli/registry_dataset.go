package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/registryapi"
)

// registryDatasets makes and reads the saved datasets that clients of the
// registry ask for, as Parquet files.
type registryDatasets struct {
	repository *repository
	registry   asof.Registry
}

// Create writes the training data of a dataset into its file.
func (d *registryDatasets) Create(ctx context.Context, asked registryapi.Dataset) (made registryapi.Made, err error) {
	if asked.Storage != "" && asked.Storage != "file" {
		return made, asof.Errorf(asof.CodeInvalid, "storage_type is %q; datasets are stored in files here: make it \"file\", and storage_path a .parquet file", asked.Storage)
	}
	path := d.path(asked.Location)
	if filepath.Ext(path) != ".parquet" {
		return made, asof.Errorf(asof.CodeInvalid, "storage_path %s has to end with .parquet", asked.Location)
	}
	if _, err := os.Stat(path); err == nil && !asked.Overwrite {
		return made, asof.Errorf(asof.CodeConflict, "saved dataset location %s already exists: set allow_overwrite, or take another path", asked.Location)
	}
	q := historical.Request{References: asked.Features, Service: asked.Service, Output: path, Version: Version, Dir: d.repository.config.Dir, Workers: d.repository.workers()}
	if asked.Rows != "" {
		q.Entities.JSON = asked.Rows
	} else {
		q.Entities.Path = d.path(asked.Path)
	}
	if q.Snapshot, err = d.registry.Snapshot(ctx, asked.Project); err != nil {
		return made, err
	}
	if q.Snapshot.Project() == nil {
		return made, asof.Errorf(asof.CodeNotFound, "project %s does not exist", asked.Project)
	}
	if q.Store, err = d.repository.Offline(ctx); err != nil {
		return made, err
	}
	if _, err = historical.Run(ctx, q); err != nil {
		return made, err
	}
	made = registryapi.Made{Features: asked.Features, Storage: &core.SavedDatasetStorage{
		Kind: &core.SavedDatasetStorage_FileStorage{FileStorage: &core.DataSource_FileOptions{Uri: asked.Location}}}}
	if asked.Service != "" {
		made.Features = referencesOf(q.Snapshot, asked.Service)
	}
	made.Keys = keysOf(q.Snapshot, made.Features)
	made.From, made.To, err = spanOf(ctx, path)
	return made, err
}

// path returns a file of the repository, or one of its own.
func (d *registryDatasets) path(p string) string {
	p = strings.TrimPrefix(p, "file://")
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(d.repository.config.Dir, p)
}

// referencesOf lists the features of a service, as view:feature.
func referencesOf(s *asof.Snapshot, service string) (all []string) {
	found, err := s.Service(service)
	if err != nil {
		return nil
	}
	for _, p := range found.Projections {
		view := p.View
		if p.Alias != "" {
			view = p.Alias
		}
		for _, f := range p.Features {
			all = append(all, view+":"+f.Name)
		}
	}
	return all
}

// keysOf returns the join keys of the views that references name.
func keysOf(s *asof.Snapshot, references []string) (keys []string) {
	for _, reference := range references {
		name, _, _ := strings.Cut(reference, ":")
		view, _ := s.Object(asof.KindFeatureView, name).(*asof.FeatureView)
		if view == nil {
			continue
		}
		for _, c := range view.EntityColumns {
			if !slices.Contains(keys, c.Name) {
				keys = append(keys, c.Name)
			}
		}
	}
	return keys
}

// spanOf returns the earliest and the latest event time of a training file.
func spanOf(ctx context.Context, path string) (from, to time.Time, err error) {
	err = readParquet(ctx, path, func(batch arrow.RecordBatch) (bool, error) {
		at := batch.Schema().FieldIndices(asof.EventTimestamp)
		if len(at) == 0 {
			return false, nil
		}
		times, ok := batch.Column(at[0]).(*array.Timestamp)
		if !ok {
			return false, nil
		}
		unit := times.DataType().(*arrow.TimestampType).Unit
		for i, t := range times.TimestampValues() {
			if times.IsNull(i) {
				continue
			}
			if at := t.ToTime(unit); from.IsZero() || at.Before(from) {
				from = at
			}
			if at := t.ToTime(unit); at.After(to) {
				to = at
			}
		}
		return true, nil
	})
	return from, to, err
}

// Preview returns the first rows of a dataset's file.
func (d *registryDatasets) Preview(ctx context.Context, stored *core.SavedDataset, limit int) (columns []string, rows [][]string, err error) {
	uri := stored.GetSpec().GetStorage().GetFileStorage().GetUri()
	if uri == "" {
		return nil, nil, asof.Errorf(asof.CodeInvalid, "it is not stored in a file: read it where it is stored")
	}
	err = readParquet(ctx, d.path(uri), func(batch arrow.RecordBatch) (bool, error) {
		if columns == nil {
			for _, f := range batch.Schema().Fields() {
				columns = append(columns, f.Name)
			}
		}
		for i := range int(batch.NumRows()) {
			if len(rows) == limit {
				return false, nil
			}
			row := make([]string, len(columns))
			for c := range columns {
				text, err := json.Marshal(batch.Column(c).GetOneForMarshal(i))
				if err != nil {
					return false, err
				}
				row[c] = string(text)
			}
			rows = append(rows, row)
		}
		return true, nil
	})
	return columns, rows, err
}

// readParquet gives the batches of a file to each, until that returns false.
func readParquet(ctx context.Context, path string, each func(arrow.RecordBatch) (bool, error)) error {
	f, err := file.OpenParquetFile(path, false)
	if err != nil {
		return asof.Errorf(asof.CodeNotFound, "can't read %s: %w", path, err)
	}
	defer f.Close()
	reader, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: 8 << 10}, memory.DefaultAllocator)
	if err != nil {
		return asof.Errorf(asof.CodeInvalid, "can't read %s: %w", path, err)
	}
	batches, err := reader.GetRecordReader(ctx, nil, nil)
	if err != nil {
		return asof.Errorf(asof.CodeInvalid, "can't read %s: %w", path, err)
	}
	defer batches.Release()
	for batches.Next() {
		if more, err := each(batches.RecordBatch()); err != nil || !more {
			return err
		}
	}
	if err := batches.Err(); err != nil && !errors.Is(err, io.EOF) {
		return asof.Errorf(asof.CodeInvalid, "can't read %s: %w", path, err)
	}
	return nil
}
