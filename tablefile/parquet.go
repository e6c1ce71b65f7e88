package tablefile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/asof-dev/asof"
)

// parquetBatch is how many rows of a Parquet file are in memory.
const parquetBatch = 1 << 15

// parquetRows reads a Parquet file as the rows of a table, cast as
// asof.Arrange has it.
type parquetRows struct {
	array.RecordReader // with the table's columns, in its types
	file               *file.Reader
	read               *shaped
}

// openParquet opens a Parquet file, which has to have the table's columns, in
// any order. Its bytes are written to copied, which may be nil.
func openParquet(in input, copied io.Writer, progress func(done, total int64)) (*parquetRows, error) {
	r := &rows{in: in, table: in.form.Table}
	r.columns()
	var err error
	if r.schema, err = r.table.Schema(); err != nil {
		return nil, err
	}
	if r.file, _, err = in.open(nil); err != nil {
		return nil, err
	}
	if copied != nil {
		if _, err := io.Copy(copied, r.file); err != nil {
			return nil, errors.Join(r.fault(err), r.file.Close())
		}
	}
	opened, err := file.NewParquetReader(r.file, file.WithReadProps(&parquet.ReaderProperties{BufferedStreamEnabled: true, BufferSize: 1 << 18}))
	if err != nil {
		return nil, errors.Join(r.problem(0, "it is no Parquet file, or a damaged one: %s", err).Err(), r.file.Close())
	}
	p := &parquetRows{file: opened} // closing it closes the file
	if err := p.shape(r, progress); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return p, nil
}

// shape reads the columns and arranges them.
func (p *parquetRows) shape(r *rows, progress func(done, total int64)) error {
	reader, err := pqarrow.NewFileReader(p.file, pqarrow.ArrowReadProperties{BatchSize: parquetBatch, Parallel: true}, memory.DefaultAllocator)
	if err != nil {
		return r.problem(0, "its columns cannot be read: %s", err).Err()
	}
	schema, err := reader.Schema()
	if err != nil {
		return r.problem(0, "its columns cannot be read: %s", err).Err()
	}
	names := make([]string, schema.NumFields())
	for i, f := range schema.Fields() {
		names[i] = f.Name
	}
	if err := r.place(names, 0); err != nil {
		return err
	}
	p.read = &shaped{rows: r, total: p.file.NumRows(), progress: progress}
	fields := make([]arrow.Field, len(r.table.Columns))
	for i, g := range r.given {
		fields[g.place] = r.schema.Field(g.place)
		p.read.from = append(p.read.from, -1-i)
	}
	p.read.from = make([]int, len(fields))
	for i := range fields {
		at := slices.Index(r.places, i)
		if p.read.from[i] = at; at >= 0 {
			fields[i] = arrow.Field{Name: r.table.Columns[i].Name, Type: schema.Field(at).Type, Nullable: true}
			r.exact(i, schema.Field(at).Type)
		}
	}
	if len(r.problems) > 0 {
		return r.problems.Err()
	}
	if p.read.RecordReader, err = reader.GetRecordReader(context.Background(), nil, nil); err != nil {
		return r.problem(0, "it cannot be read: %s", err).Err()
	}
	p.read.shape = arrow.NewSchema(fields, nil)
	p.RecordReader, err = asof.Arrange(r.in.name, p.read, r.schema, memory.DefaultAllocator)
	return err
}

// exact refuses decimals of which the table would keep a part.
func (r *rows) exact(i int, has arrow.DataType) {
	from, decimal := has.(arrow.DecimalType)
	to, kept := r.schema.Field(i).Type.(arrow.DecimalType)
	if decimal && kept && from.GetScale() > to.GetScale() {
		r.problem(0, "column %q has %d decimals, and the table keeps %d; give it the type numeric(%d,%d)", r.table.Columns[i].Name,
			from.GetScale(), to.GetScale(), from.GetPrecision(), from.GetScale())
	}
}

// Err gives a failure of the file its place.
func (p *parquetRows) Err() error {
	err := p.RecordReader.Err()
	if err == nil || asof.ErrorCode(err) == asof.CodeInvalid {
		return err
	}
	return p.read.rows.problem(0, "it is damaged: %s", err).Err()
}

// Release closes the file.
func (p *parquetRows) Release() {
	p.RecordReader.Release()
	p.read.RecordReader.Release()
	p.read.drop()
	_ = p.file.Close()
}

func (p *parquetRows) end() (last int, torn bool) { return 0, false }

// shaped gives the columns of a file the table's names, and adds those that are
// given.
type shaped struct {
	array.RecordReader
	rows     *rows
	shape    *arrow.Schema
	from     []int // by column of the table, which of the file; -1: given
	batch    arrow.RecordBatch
	done     int64
	total    int64
	progress func(done, total int64)
	err      error
}

func (s *shaped) Schema() *arrow.Schema          { return s.shape }
func (s *shaped) RecordBatch() arrow.RecordBatch { return s.batch }
func (s *shaped) Record() arrow.RecordBatch      { return s.batch }

func (s *shaped) Err() error {
	if err := s.RecordReader.Err(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return s.err
}

func (s *shaped) drop() {
	if s.batch != nil {
		s.batch.Release()
		s.batch = nil
	}
}

func (s *shaped) Next() bool {
	s.drop()
	if s.err != nil || !s.RecordReader.Next() {
		return false
	}
	read := s.RecordReader.RecordBatch()
	n := int(read.NumRows())
	columns := make([]arrow.Array, len(s.from))
	for i, at := range s.from {
		if at >= 0 {
			columns[i] = read.Column(at)
			if s.rows.key[i] && columns[i].NullN() > 0 {
				s.refuseNull(i, columns[i])
			}
			continue
		}
		if columns[i], s.err = s.constant(i, n); s.err != nil {
			return false
		}
		defer columns[i].Release()
	}
	if s.err = s.rows.problems.Err(); s.err != nil {
		return false
	}
	s.batch = array.NewRecordBatch(s.shape, columns, int64(n))
	s.done += int64(n)
	s.progress(s.done, s.total)
	return true
}

// refuseNull tells of the first row of a batch without a key.
func (s *shaped) refuseNull(i int, column arrow.Array) {
	for row := range column.Len() {
		if column.IsNull(row) {
			s.rows.problem(0, "row %d: column %q is part of the key and is empty", s.done+int64(row)+1, s.rows.table.Columns[i].Name)
			return
		}
	}
}

// constant returns a given column's value, so many times.
func (s *shaped) constant(i, n int) (arrow.Array, error) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{s.rows.schema.Field(i)}, nil))
	defer b.Release()
	column := newColumns(b, Dialect{})[0]
	value := []byte(s.rows.in.given[s.rows.table.Columns[i].Name])
	for range n {
		if wrong := column.append(field{value: value}); wrong != "" {
			return nil, s.rows.problem(0, "column %q: %s, which the pipeline gives it, %s", s.rows.table.Columns[i].Name, fmt.Sprintf("%q", value), wrong).Err()
		}
	}
	return b.Field(0).NewArray(), nil
}
