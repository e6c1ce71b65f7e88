package flightapi

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// DoExchange reads: a question and its rows come in, the answer goes out.
func (s *service) DoExchange(stream flight.FlightService_DoExchangeServer) error {
	c, up, err := s.receive(stream.Context(), stream)
	if err == nil {
		defer up.release()
		err = s.answer(stream.Context(), c, up, stream)
	}
	return s.status(stream.Context(), "DoExchange", c, err)
}

// DoPut writes, or holds the rows of a question until DoGet asks for its answer.
func (s *service) DoPut(stream flight.FlightService_DoPutServer) error {
	c, up, err := s.receive(stream.Context(), stream)
	if err == nil {
		err = s.put(stream.Context(), c, up)
	}
	return s.status(stream.Context(), "DoPut", c, err)
}

// put takes up over.
func (s *service) put(ctx context.Context, c *command, up *upload) error {
	if c.reads() {
		return s.held.put(c, up)
	}
	defer up.release()
	w, err := s.writing(ctx, c, up)
	if err == nil {
		err = s.check(ctx, w.touching)
	}
	if err == nil {
		err = s.slot(ctx)
	}
	if err != nil {
		return err
	}
	defer s.free()
	return w.run(ctx)
}

// DoGet answers a question that was put.
func (s *service) DoGet(ticket *flight.Ticket, stream flight.FlightService_DoGetServer) error {
	c, up, err := s.held.take(ticket.GetTicket())
	if err == nil {
		defer up.release()
		err = s.answer(stream.Context(), c, up, stream)
	}
	return s.status(stream.Context(), "DoGet", c, err)
}

// GetFlightInfo says by which ticket the answer to a question is fetched.
func (s *service) GetFlightInfo(ctx context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	c, err := s.held.look(d.GetCmd())
	if err != nil {
		return nil, s.status(ctx, "GetFlightInfo", c, err)
	}
	return info(d), nil
}

// info tells of a held question. It is fetched where it was asked about: the
// connection is used again.
func info(d *flight.FlightDescriptor) *flight.FlightInfo {
	return &flight.FlightInfo{
		Schema:           flight.SerializeSchema(arrow.NewSchema(nil, nil), memory.DefaultAllocator),
		FlightDescriptor: d,
		Endpoint:         []*flight.FlightEndpoint{{Ticket: &flight.Ticket{Ticket: d.GetCmd()}, Location: []*flight.Location{{Uri: flight.LocationReuseConnection}}}},
		TotalRecords:     -1, TotalBytes: -1,
	}
}

// ListFlights lists the questions whose answers were not fetched yet.
func (s *service) ListFlights(_ *flight.Criteria, stream flight.FlightService_ListFlightsServer) error {
	for _, cmd := range s.held.list() {
		if err := stream.Send(info(&flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: cmd})); err != nil {
			return err
		}
	}
	return nil
}

// ListActions names what DoPut writes, as Feast's server does.
func (s *service) ListActions(_ *flight.Empty, stream flight.FlightService_ListActionsServer) error {
	for _, a := range []*flight.ActionType{
		{Type: apiWriteBatch, Description: "Appends rows to the batch source of a feature view."},
		{Type: apiWriteLogs, Description: "Appends rows to the log destination of a feature service."},
		{Type: apiPersist, Description: "Stores the answer to a question where a registered data source reads it."},
	} {
		if err := stream.Send(a); err != nil {
			return err
		}
	}
	return nil
}

// answer runs a question and sends what it answers.
func (s *service) answer(ctx context.Context, c *command, up *upload, to flight.DataStreamWriter) error {
	q, err := s.reading(ctx, c, up)
	if err == nil {
		err = s.check(ctx, q.touching)
	}
	if err == nil {
		err = s.slot(ctx)
	}
	if err != nil {
		return err
	}
	defer s.free()
	rows, err := q.ask(ctx)
	if err != nil {
		return err
	}
	defer rows.Release()
	return send(ctx, rows, to)
}

// slot waits until the call may run beside others.
func (s *service) slot(ctx context.Context) error {
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *service) free() { <-s.slots }

// mostBytes is how large a message is at most: none of 2 GiB can be sent.
const mostBytes = 1 << 30

func send(ctx context.Context, rows array.RecordReader, to flight.DataStreamWriter) error {
	w := flight.NewRecordWriter(to, ipc.WithSchema(rows.Schema()))
	for ctx.Err() == nil && rows.Next() {
		if err := sendBatch(w, rows.RecordBatch()); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if rows.Err() != nil {
		return rows.Err()
	}
	return w.Close() // sends the schema where there were no rows
}

// sendBatch sends a batch, in parts where it is large.
func sendBatch(w *flight.Writer, batch arrow.RecordBatch) error {
	n := batch.NumRows()
	if n <= 1 || sizeOf(batch) <= mostBytes {
		return w.Write(batch)
	}
	size := max(1, n*mostBytes/sizeOf(batch))
	for from := int64(0); from < n; from += size {
		part := batch.NewSlice(from, min(from+size, n))
		err := w.Write(part)
		part.Release()
		if err != nil {
			return err
		}
	}
	return nil
}
