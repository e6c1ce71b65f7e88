package flightapi

import (
	"context"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/historical"
)

// order is what a call has done: the objects that it reads and writes, and how
// it is carried out, whole or not at all.
type order struct {
	touching
	run func(context.Context) error
}

// writing resolves an order.
func (s *service) writing(ctx context.Context, c *command, up *upload) (*order, error) {
	switch c.API {
	case apiWriteBatch:
		return s.writeBatch(ctx, c, up)
	case apiWriteLogs:
		return s.writeLogs(ctx, c, up)
	case apiPersist:
		return s.persist(ctx, c, up)
	}
	return s.validate(ctx, c)
}

// writeBatch appends rows to the batch source of a view.
func (s *service) writeBatch(ctx context.Context, c *command, up *upload) (*order, error) {
	if len(c.Views) != 1 {
		return nil, asof.Errorf(asof.CodeInvalid, "%s takes the rows of one feature view, and %d are named", c.API, len(c.Views))
	}
	snapshot, err := s.Registry.Snapshot(ctx, s.Project)
	if err != nil {
		return nil, err
	}
	v, err := view(snapshot, c.Views[0], s.Project)
	if err != nil {
		return nil, err
	}
	store, ok := s.Store.(asof.Appender)
	if !ok {
		return nil, asof.Errorf(asof.CodeInvalid, "this offline store takes no rows")
	}
	q, err := v.Query()
	if err != nil {
		return nil, err
	}
	return &order{touching{snapshot: snapshot, write: []asof.Object{v}}, func(ctx context.Context) error {
		columns, err := s.Store.Columns(ctx, q.Source)
		if err != nil {
			return err
		}
		_, err = store.Append(ctx, q.Source, up.rows(originals(q.Source, columns)))
		return err
	}}, nil
}

// originals returns the names of a source's columns by those that its field
// mapping gives them: the SDK renames the columns that it sends.
func originals(source *asof.DataSource, columns []asof.SourceColumn) map[string]string {
	names := map[string]string{}
	for _, c := range columns {
		if mapped, ok := source.FieldMapping[c.Name]; ok {
			names[mapped] = c.Name
		}
	}
	for _, c := range columns { // what is a column itself is meant itself
		delete(names, c.Name)
	}
	return names
}

// writeLogs adds rows to the folder of a feature service's logs.
func (s *service) writeLogs(ctx context.Context, c *command, up *upload) (*order, error) {
	snapshot, err := s.Registry.Snapshot(ctx, s.Project)
	if err != nil {
		return nil, err
	}
	service, err := snapshot.Service(c.Service)
	if err != nil {
		return nil, called("FeatureServiceNotFoundException", err)
	}
	config := feastconv.Logging(service)
	if config.GetDestination() == nil {
		return nil, asof.Errorf(asof.CodeInvalid, "feature service %q keeps no logs; give it a logging_config and apply", c.Service)
	}
	to := config.GetFileDestination()
	if to == nil {
		return nil, asof.Errorf(asof.CodeInvalid, "feature service %q logs to another place than a folder of files, which is not written here; make its destination FileLoggingDestination", c.Service)
	}
	folder, err := feastconv.LocalPath(s.Dir, to.GetPath())
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "the logs of feature service %q: %w", c.Service, err)
	}
	return &order{touching{snapshot: snapshot, write: []asof.Object{service}}, func(ctx context.Context) error {
		_, err := historical.AppendLogs(ctx, folder, "asof", to.GetPartitionBy(), up.rows(nil))
		return err
	}}, nil
}

// validate holds a source against reality. One that cannot be read as yet is
// noted, and passes, as with Feast: it may come later.
func (s *service) validate(ctx context.Context, c *command) (*order, error) {
	snapshot, source, err := s.sent(ctx, c)
	if err != nil {
		return nil, err
	}
	return &order{carried(snapshot, source), func(ctx context.Context) error {
		columns, err := s.Store.Columns(ctx, source)
		if asof.ErrorCode(err) == asof.CodeInvalid {
			s.Log.Warn("a data source that a client applies cannot be read as yet", "source", source.Name, "error", err)
			return nil
		}
		if err != nil {
			return err
		}
		var names []string
		for _, column := range columns {
			if names = append(names, column.Name); column.Name == source.TimestampField {
				return nil
			}
		}
		if source.TimestampField == "" {
			return nil
		}
		return asof.Errorf(asof.CodeInvalid, "data source %q has no column %q, its timestamp_field%s", source.Name, source.TimestampField, asof.DidYouMean(source.TimestampField, names))
	}}, nil
}
