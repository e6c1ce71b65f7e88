package main

import (
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"google.golang.org/grpc"
)

// ready is a server that has an answer in memory, and sends it whatever it is
// sent.
type ready struct {
	flight.BaseFlightServer
	schema  *arrow.Schema
	batches []arrow.RecordBatch
}

// remoteFloor serves the rows of a file until it is told to stop.
func remoteFloor(ctx context.Context, path string) error {
	f, err := file.OpenParquetFile(path, false)
	if err != nil {
		return err
	}
	defer f.Close()
	reader, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: 1 << 15}, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	rows, err := reader.GetRecordReader(ctx, nil, nil)
	if err != nil {
		return err
	}
	r := &ready{schema: rows.Schema()}
	for rows.Next() {
		rows.RecordBatch().Retain()
		r.batches = append(r.batches, rows.RecordBatch())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(math.MaxInt32))
	flight.RegisterFlightServiceServer(server, r)
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer cancel()
	go func() { <-ctx.Done(); server.Stop() }()
	fmt.Fprintf(os.Stderr, "grpc://%s\n", l.Addr())
	return server.Serve(l)
}

// DoExchange takes what is sent and sends what there is.
func (r *ready) DoExchange(stream flight.FlightService_DoExchangeServer) error {
	sent, err := flight.NewRecordReader(stream)
	if err != nil {
		return err
	}
	defer sent.Release()
	for sent.Next() {
	}
	w := flight.NewRecordWriter(stream, ipc.WithSchema(r.schema))
	for _, batch := range r.batches {
		if err := w.Write(batch); err != nil {
			return err
		}
	}
	return w.Close()
}
