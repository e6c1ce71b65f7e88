package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/notify"
	"github.com/asof-dev/asof/pipeline"
)

// about returns what OpenLineage is told of a run of a pipeline: its files, its
// tables and the views that it brings online. What cannot be found out is left
// out.
func (r *repository) about(ctx context.Context, run asof.Run, steps []asof.RunStep) notify.About {
	p, err := r.loadPipeline(run.Pipeline)
	if err != nil {
		return notify.About{}
	}
	values, err := p.Values(run.Params, run.Created)
	if err != nil {
		return notify.About{Description: p.Description}
	}
	l := p.Lineage(values, r.config.Dir, keptReport(run, steps))
	about := notify.About{Description: p.Description, AsOf: values.AsOf()}
	for _, d := range l.Read {
		file := notify.Dataset{Namespace: "file", Name: d.File, Columns: d.Columns, Rows: d.Rows, Bytes: -1}
		if info, err := os.Stat(d.File); err == nil && info.Mode().IsRegular() {
			file.Bytes = info.Size()
		}
		for _, c := range d.Checks {
			one := notify.Check{Rule: string(c.Rule), Holds: c.Holds, Warn: c.Severity == "warn", Message: c.Message}
			if len(c.Columns) == 1 {
				one.Column = c.Columns[0]
			}
			file.Checks = append(file.Checks, one)
		}
		about.Inputs = append(about.Inputs, file)
	}
	for _, d := range l.Written {
		table := r.tableDataset(d.Table)
		table.Columns, table.Rows, table.Bytes = d.Columns, d.Rows, -1
		about.Outputs = append(about.Outputs, table)
	}
	about.Outputs = append(about.Outputs, r.onlineDatasets(ctx, l)...)
	return about
}

// keptReport returns the report of a run, or what its steps have reported so
// far.
func keptReport(run asof.Run, steps []asof.RunStep) (report pipeline.KeptReport) {
	if run.Report != nil && json.Unmarshal(run.Report, &report) == nil {
		return report
	}
	for _, s := range steps {
		var step pipeline.KeptStep
		if s.Report != nil && json.Unmarshal(s.Report, &step) == nil {
			report.Steps = append(report.Steps, step)
		}
	}
	return report
}

// tableDataset names a table of the warehouse as OpenLineage's rules say.
func (r *repository) tableDataset(name string) notify.Dataset {
	var where struct {
		Path     string `yaml:"path"`
		Host     string `yaml:"host"`
		Port     int    `yaml:"port"`
		Database string `yaml:"database"`
		Schema   string `yaml:"db_schema"`
	}
	section := r.config.WarehouseSection()
	_, _ = section.Decode(&where) // its mistakes are told where it is opened
	if section.Type == "postgres" {
		address := net.JoinHostPort(cmp.Or(where.Host, "localhost"), strconv.Itoa(cmp.Or(where.Port, 5432)))
		return notify.Dataset{Namespace: "postgres://" + address, Name: where.Database + "." + cmp.Or(where.Schema, "public") + "." + name}
	}
	if !filepath.IsAbs(where.Path) {
		where.Path = filepath.Join(r.config.Dir, where.Path)
	}
	return notify.Dataset{Namespace: "file", Name: filepath.Join(where.Path, name)}
}

// onlineDatasets names the online rows of the views that a run brings online as
// Feast names them.
func (r *repository) onlineDatasets(ctx context.Context, l pipeline.Lineage) (list []notify.Dataset) {
	if !l.AllViews && l.Views == nil {
		return nil
	}
	snapshot, err := r.snapshot(ctx)
	if err != nil { // not applied: nothing is brought online
		return nil
	}
	for _, v := range snapshot.Views() {
		if !v.Online || !l.AllViews && !slices.Contains(l.Views, v.Name) {
			continue
		}
		one := notify.Dataset{Namespace: r.config.Lineage.Namespace, Name: "online_store_" + v.Name, Rows: -1, Bytes: -1}
		for _, f := range v.Features {
			one.Columns = append(one.Columns, asof.TableColumn{Name: f.Name, Type: f.Type.String()})
		}
		list = append(list, one)
	}
	return list
}
