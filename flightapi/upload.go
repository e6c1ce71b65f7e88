package flightapi

import (
	"bufio"
	"context"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/arrowipc"
)

// upload are the rows that a client sent. All of them are taken before any is
// answered: a client reads nothing while it still sends.
type upload struct {
	schema *arrow.Schema
	held   []arrow.RecordBatch
	disk   *os.File // the rest, without a name; nil where there is none
	read   []array.RecordReader
}

// receive takes a call's command and its rows.
func (s *service) receive(ctx context.Context, stream flight.DataStreamReader) (*command, *upload, error) {
	r, err := flight.NewRecordReader(&checked{DataStreamReader: stream})
	if err != nil {
		return nil, nil, unread(err)
	}
	defer r.Release()
	c, err := parse(r.LatestFlightDescriptor().GetCmd())
	up := &upload{schema: r.Schema()}
	if err == nil {
		err = up.fill(ctx, r, s.Memory)
	}
	if err != nil {
		up.release()
		for r.Next() { // a client that still sends would not learn why
		}
		return c, nil, err
	}
	return c, up, nil
}

// checked are messages that do not say more of themselves than they hold. Only
// the first may be a command alone.
type checked struct {
	flight.DataStreamReader
	checker arrowipc.Checker
}

// Recv returns the next message.
func (c *checked) Recv() (*flight.FlightData, error) {
	data, err := c.DataStreamReader.Recv()
	if err == nil && len(data.DataHeader) > 0 {
		err = c.checker.Message(data.DataHeader, data.DataBody)
	}
	return data, err
}

func unread(err error) error {
	return asof.Errorf(asof.CodeInvalid, "the rows of the call cannot be read: %w", err)
}

// fill takes rows to their end, and keeps those on the disk that are more than
// so many bytes.
func (u *upload) fill(ctx context.Context, r *flight.Reader, memory int64) error {
	var disk *ipc.Writer
	var buffer *bufio.Writer
	for ctx.Err() == nil && r.Next() {
		batch := r.RecordBatch()
		if err := arrowipc.CheckBatch(batch); err != nil {
			return unread(err)
		}
		if size := sizeOf(batch); disk == nil && size <= memory {
			memory -= size
			batch.Retain()
			u.held = append(u.held, batch)
			continue
		}
		if disk == nil {
			if err := u.create(); err != nil {
				return keepFault(err)
			}
			buffer = bufio.NewWriterSize(u.disk, 1<<20)
			disk = ipc.NewWriter(buffer, ipc.WithSchema(u.schema))
			defer disk.Close()
		}
		if err := disk.Write(batch); err != nil {
			return keepFault(err)
		}
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case r.Err() != nil:
		return unread(r.Err())
	case disk == nil:
		return nil
	}
	err := disk.Close()
	if err == nil {
		err = buffer.Flush()
	}
	return keepFault(err)
}

// create makes the file and takes its name away, so that nothing stays behind
// however the process ends.
func (u *upload) create() (err error) {
	if u.disk, err = os.CreateTemp("", "asof-flight-*.arrow"); err != nil {
		return err
	}
	return os.Remove(u.disk.Name())
}

func keepFault(err error) error {
	if err == nil {
		return nil
	}
	return asof.Errorf(asof.CodeUnavailable, "the rows of the call are too many for memory, and cannot be kept in %s: %w", os.TempDir(), err)
}

// none reports whether the client has sent no rows: Feast's sends a table of one
// column "key" then.
func (u *upload) none() bool {
	return u.schema.NumFields() == 0 || u.schema.NumFields() == 1 && u.schema.Field(0).Name == "key"
}

// rows returns the rows, without the numbers that pandas adds to them, and with
// some of the columns under other names. They can be read until the upload is
// released, which releases them.
func (u *upload) rows(names map[string]string) array.RecordReader {
	var keep []int
	var fields []arrow.Field
	for i, f := range u.schema.Fields() {
		if strings.HasPrefix(f.Name, "__index_level_") {
			continue
		}
		if name, ok := names[f.Name]; ok {
			f.Name = name
		}
		keep, fields = append(keep, i), append(fields, f)
	}
	schema := arrow.NewSchema(fields, nil)
	reader := array.ReaderFromIter(schema, func(yield func(arrow.RecordBatch, error) bool) {
		err := u.each(func(batch arrow.RecordBatch) bool {
			columns := make([]arrow.Array, len(keep))
			for i, at := range keep {
				columns[i] = batch.Column(at)
			}
			return yield(array.NewRecordBatch(schema, columns, batch.NumRows()), nil)
		})
		if err != nil {
			yield(nil, err)
		}
	})
	u.read = append(u.read, reader)
	return reader
}

// each hands over every batch, until take returns false.
func (u *upload) each(take func(arrow.RecordBatch) bool) error {
	for _, batch := range u.held {
		if !take(batch) {
			return nil
		}
	}
	if u.disk == nil {
		return nil
	}
	if _, err := u.disk.Seek(0, 0); err != nil {
		return keepFault(err)
	}
	r, err := ipc.NewReader(bufio.NewReaderSize(u.disk, 1<<20))
	if err != nil {
		return keepFault(err)
	}
	defer r.Release()
	for r.Next() {
		if !take(r.RecordBatch()) {
			return nil
		}
	}
	return keepFault(r.Err())
}

func (u *upload) release() {
	for _, reader := range u.read {
		reader.Release()
	}
	u.read = nil
	for _, batch := range u.held {
		batch.Release()
	}
	u.held = nil
	if u.disk != nil {
		_ = u.disk.Close() // it goes with its last handle
		u.disk = nil
	}
}

// sizeOf returns how many bytes a batch has at most: its buffers may hold other
// rows too.
func sizeOf(batch arrow.RecordBatch) (size int64) {
	for _, c := range batch.Columns() {
		size += int64(c.Data().SizeInBytes())
	}
	return size
}
