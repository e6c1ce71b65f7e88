package cli

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/schedule"
)

// schedule enters the runs of the repository's schedules until ctx ends.
// Pipelines that are added or changed meanwhile are followed.
func (r *repository) schedule(ctx context.Context, store asof.RunStore) {
	shelf := &shelf{repository: r, files: map[string]shelved{}}
	loop := schedule.Loop{Project: r.config.Project, Store: store, Entries: shelf.entries, Log: slog.Default()}
	loop.Run(ctx)
}

// shelf holds pipelines, each read when its file has changed.
type shelf struct {
	*repository
	files map[string]shelved // by name
}

// shelved is what a file was read as; no entries where it is wrong.
type shelved struct {
	changed time.Time
	size    int64
	entries []schedule.Entry
}

// entries are the schedules of all pipelines. A file that is wrong is told of,
// once, and has none.
func (s *shelf) entries() []schedule.Entry {
	names, err := s.pipelineNames()
	if err != nil {
		slog.Error("no schedule fires", "error", err)
		return nil
	}
	var all []schedule.Entry
	for _, name := range names {
		info, err := os.Stat(filepath.Join(s.config.Dir, pipelineFolder, name+".yaml"))
		if err != nil {
			continue // it has gone
		}
		file := s.files[name]
		if !file.changed.Equal(info.ModTime()) || file.size != info.Size() {
			file = shelved{changed: info.ModTime(), size: info.Size(), entries: s.read(name)}
			s.files[name] = file
		}
		all = append(all, file.entries...)
	}
	return all
}

// read returns the schedules of a pipeline.
func (s *shelf) read(name string) []schedule.Entry {
	p, err := s.loadPipeline(name)
	if err != nil {
		slog.Error("the schedules of a pipeline do not fire", "pipeline", name, "error", err)
		return nil
	}
	return p.Entries(s.config.Dir, s.config.Project)
}
