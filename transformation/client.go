// Package transformation is a client of Feast's transformation server: it has
// the features of on-demand views computed there.
package transformation

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/arrowipc"
	servingpb "github.com/asof-dev/asof/feastpb/serving"
)

// Timeout bounds one call of the server.
const Timeout = 30 * time.Second

// mostSent is how many bytes of rows a call has at most, where it has more than
// one row: Feast's server takes no message of more than 4 MiB.
const mostSent = 3 << 20

// mostAnswer is how many bytes an answer has at most.
const mostAnswer = 256 << 20

// Client asks one server. It is safe for concurrent use.
type Client struct {
	endpoint, project string
	conn              *grpc.ClientConn
}

// New makes a client of the server at endpoint (host:port), for views of a
// project. It connects when it is first asked.
func New(endpoint, project string) (*Client, error) {
	conn, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()), // Feast's server has no TLS
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(mostAnswer)))
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "the transformation service at %s: %w", endpoint, err)
	}
	return &Client{endpoint, project, conn}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Place says where the server is.
func (c *Client) Place() string { return "the transformation service at " + c.endpoint }

// Transform has the features of a view computed for rows, whose columns have the
// names that the function knows. Of the answer, which the caller releases, each
// feature is a column of its own name, or of VIEW__FEATURE. A function that
// fails is CodeInvalid; a server that does not answer is CodeUnavailable.
func (c *Client) Transform(ctx context.Context, view string, rows arrow.RecordBatch) ([]arrow.RecordBatch, error) {
	sent, err := fileOf(rows)
	if err != nil {
		return nil, err
	}
	if half := rows.NumRows() / 2; len(sent) > mostSent && half > 0 {
		first, err := c.slice(ctx, view, rows, 0, half)
		if err != nil {
			return nil, err
		}
		second, err := c.slice(ctx, view, rows, half, rows.NumRows())
		if err != nil {
			release(first)
			return nil, err
		}
		return append(first, second...), nil
	}
	limited, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	answer, err := servingpb.NewTransformationServiceClient(c.conn).TransformFeatures(limited, &servingpb.TransformFeaturesRequest{OnDemandFeatureViewName: view, Project: c.project,
		TransformationInput: &servingpb.ValueType{Value: &servingpb.ValueType_ArrowValue{ArrowValue: sent}}})
	if err != nil {
		return nil, c.fault(ctx, err)
	}
	_, batches, err := arrowipc.ReadFile(answer.GetTransformationOutput().GetArrowValue())
	if err != nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "%s answers what is no Arrow IPC file: %w", c.Place(), err)
	}
	n := int64(0)
	for _, b := range batches {
		n += b.NumRows()
	}
	if n != rows.NumRows() {
		release(batches)
		return nil, asof.Errorf(asof.CodeInvalid, "%s answers %d rows to %d", c.Place(), n, rows.NumRows())
	}
	return batches, nil
}

func (c *Client) slice(ctx context.Context, view string, rows arrow.RecordBatch, from, to int64) ([]arrow.RecordBatch, error) {
	part := rows.NewSlice(from, to)
	defer part.Release()
	return c.Transform(ctx, view, part)
}

func release(batches []arrow.RecordBatch) {
	for _, b := range batches {
		b.Release()
	}
}

// fault says what a failed call means to the caller of ours.
func (c *Client) fault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	told := status.Convert(err)
	switch told.Code() {
	case codes.Unavailable:
		return asof.Errorf(asof.CodeUnavailable, "%s cannot be reached: %s", c.Place(), told.Message())
	case codes.DeadlineExceeded:
		return asof.Errorf(asof.CodeUnavailable, "%s has not answered within %s", c.Place(), Timeout)
	case codes.Unimplemented, codes.Unauthenticated, codes.PermissionDenied, codes.ResourceExhausted:
		return asof.Errorf(asof.CodeUnavailable, "%s does not take the call: %s", c.Place(), told.Message())
	}
	return asof.Errorf(asof.CodeInvalid, "%s: %s", c.Place(), told.Message())
}

func fileOf(rows arrow.RecordBatch) ([]byte, error) {
	var out bytes.Buffer
	w, err := ipc.NewFileWriter(&out, ipc.WithSchema(rows.Schema()))
	if err == nil {
		err = w.Write(rows)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("rows for a transformation service: %w", err)
	}
	return out.Bytes(), nil
}
