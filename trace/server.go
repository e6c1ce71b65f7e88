package trace

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	api "go.opentelemetry.io/otel/trace"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// Handler returns a handler whose requests are spans, within their callers'.
// route names the route of a request; "" is not traced.
func (t *Tracer) Handler(h http.Handler, route func(*http.Request) string) http.Handler {
	if t == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := route(r)
		if name == "" {
			h.ServeHTTP(w, r)
			return
		}
		ctx := wire.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, r.Method+" "+name, api.WithSpanKind(api.SpanKindServer),
			api.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("http.route", name), t.project))
		defer span.End()
		sent := &writer{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(sent, r.WithContext(ctx))
		span.SetAttributes(attribute.Int("http.response.status_code", sent.status))
		if sent.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
	})
}

// writer sees which status is sent.
type writer struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (w *writer) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Calls returns what makes spans of a gRPC server's calls of Feast's services,
// within their callers'; nil without a Tracer.
func (t *Tracer) Calls() stats.Handler {
	if t == nil {
		return nil
	}
	return &calls{t}
}

type calls struct{ t *Tracer }

// TagRPC begins the span of a call.
func (c *calls) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	name := strings.TrimPrefix(info.FullMethodName, "/")
	if !strings.HasPrefix(name, "feast.") {
		return ctx
	}
	incoming, _ := metadata.FromIncomingContext(ctx)
	ctx = wire.Extract(ctx, propagation.HeaderCarrier(http.Header{"Traceparent": incoming.Get("traceparent"), "Tracestate": incoming.Get("tracestate")}))
	ctx, span := c.t.tracer.Start(ctx, name, api.WithSpanKind(api.SpanKindServer), api.WithAttributes(attribute.String("rpc.system", "grpc"), c.t.project))
	return context.WithValue(ctx, call{}, span)
}

// call is the key of a call's span.
type call struct{}

// HandleRPC ends it.
func (c *calls) HandleRPC(ctx context.Context, event stats.RPCStats) {
	done, ok := event.(*stats.End)
	span, traced := ctx.Value(call{}).(api.Span)
	if !ok || !traced {
		return
	}
	code := status.Code(done.Error)
	span.SetAttributes(attribute.String("rpc.grpc.status_code", code.String()))
	switch code { // the others are the caller's mistakes
	case grpccodes.Unknown, grpccodes.DeadlineExceeded, grpccodes.Internal, grpccodes.Unavailable:
		end(span, done.Error)
	default:
		end(span, nil)
	}
}

// TagConn and HandleConn leave connections alone.
func (c *calls) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn does nothing.
func (c *calls) HandleConn(context.Context, stats.ConnStats) {}
