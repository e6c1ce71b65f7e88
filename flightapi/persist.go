package flightapi

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/historical"
)

// persist stores training data where a registered source reads it: a file, or a
// table of the warehouse.
func (s *service) persist(ctx context.Context, c *command, up *upload) (*order, error) {
	q, err := s.historical(ctx, c, up)
	if err != nil {
		return nil, err
	}
	own, source, owner, err := s.source(ctx, c.Source)
	if err != nil {
		return nil, err
	}
	if c.Project != s.Project { // whose permissions are others
		return nil, asof.Errorf(asof.CodeInvalid, "persist stores the data of project %q, which this server serves, and not that of %q", s.Project, c.Project)
	}
	return &order{touching{snapshot: own, read: q.read, write: []asof.Object{owner}}, func(ctx context.Context) error {
		if c.Timeout != nil && *c.Timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(*c.Timeout*float64(time.Second)))
			defer cancel()
		}
		to, err := s.place(ctx, source, c.Overwrite)
		if err != nil {
			return err
		}
		rows, err := q.ask(ctx)
		if err != nil {
			return err
		}
		defer rows.Release()
		_, err = historical.Save(ctx, to, rows)
		return err
	}}, nil
}

// datasetFile is the file of a dataset whose source is a folder.
const datasetFile = "dataset.parquet"

// place says where the rows of a dataset go.
func (s *service) place(ctx context.Context, source *asof.DataSource, overwrite bool) (to historical.Request, err error) {
	switch source.Kind {
	case asof.SourceFile:
		return s.placeFile(source, overwrite)
	case asof.SourcePostgres:
		return s.placeTable(ctx, source, overwrite)
	}
	return to, asof.Errorf(asof.CodeInvalid, "data source %q: datasets are stored in Parquet files and in tables of the warehouse, and it is neither", source.Name)
}

func (s *service) placeFile(source *asof.DataSource, overwrite bool) (to historical.Request, err error) {
	path, err := feastconv.LocalPath(s.Dir, source.Path)
	if err != nil || source.FileFormat() != asof.FormatParquet {
		return to, asof.Errorf(asof.CodeInvalid, "data source %q: a dataset is stored in a local Parquet file, and %s is none", source.Name, source.Path)
	}
	if _, err := os.Stat(path); err == nil && !overwrite {
		return to, raise("SavedDatasetLocationAlreadyExists", "Saved dataset location %s already exists.", source.Path)
	}
	if filepath.Ext(path) == ".parquet" {
		to.Output = path
		return to, nil
	}
	entries, _ := os.ReadDir(path) // none where there is no folder yet
	for _, e := range entries {
		if e.Name() != datasetFile && !strings.HasPrefix(e.Name(), ".") {
			return to, asof.Errorf(asof.CodeInvalid, "data source %q: the folder %s holds other files than a dataset's; give the dataset a path of its own", source.Name, source.Path)
		}
	}
	to.Output = filepath.Join(path, datasetFile)
	return to, nil
}

func (s *service) placeTable(ctx context.Context, source *asof.DataSource, overwrite bool) (to historical.Request, err error) {
	if source.Query != "" || s.Warehouse == nil {
		return to, asof.Errorf(asof.CodeInvalid, "data source %q: a dataset is stored in a table of the warehouse, and it reads a query", source.Name)
	}
	to.Table = strings.Trim(source.Table[strings.LastIndex(source.Table, ".")+1:], `"`)
	to.Warehouse = s.Warehouse
	there, err := to.Warehouse.Replaced(ctx)
	if err != nil {
		return to, err
	}
	if _, ok := there[to.Table]; ok && !overwrite {
		return to, raise("SavedDatasetLocationAlreadyExists", "Saved dataset location %s already exists.", source.Table)
	}
	return to, nil
}
