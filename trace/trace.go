// Package trace sends OpenTelemetry spans of requests, store reads,
// materializations and training sets over OTLP/HTTP, where the standard
// environment variables ask for it. Where they do not there is no [Tracer], and
// a nil one costs nothing: its decorators return what they are given.
package trace

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"

	"github.com/asof-dev/asof"
)

// Tracer makes spans and sends them in the background. When the collector does
// not keep up, or is away, spans are dropped.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   api.Tracer
	project  attribute.KeyValue
}

// wire is the format of a caller's span: the header traceparent.
var wire propagation.TraceContext

// closing bounds how long the last spans may take to be sent.
const closing = 3 * time.Second

// FromEnvironment returns the Tracer that OTEL_EXPORTER_OTLP_ENDPOINT,
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_TRACES_EXPORTER=otlp ask for, nil
// where none does. Settings that cannot be followed are asof.CodeInvalid.
func FromEnvironment(ctx context.Context, project, version string, log *slog.Logger) (*Tracer, error) {
	wanted, endpoint, err := wanted()
	if !wanted || err != nil {
		return nil, err
	}
	var options []otlptracehttp.Option
	if !endpoint { // the standard's default is http://localhost:4318, the library's https
		options = append(options, otlptracehttp.WithInsecure())
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "traces cannot be sent: %w", err)
	}
	of, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "asof"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	otel.SetErrorHandler(&complaints{log: log})
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(of))
	return &Tracer{provider, provider.Tracer("github.com/asof-dev/asof"), attribute.String("asof.project", project)}, nil
}

// wanted reads whether spans are to be sent, and whether it is said where to.
func wanted() (yes, endpoint bool, err error) {
	endpoint = os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	exporter := os.Getenv("OTEL_TRACES_EXPORTER")
	switch {
	case strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true"), exporter == "none", exporter == "" && !endpoint:
		return false, false, nil
	case exporter != "" && exporter != "otlp":
		return false, false, asof.Errorf(asof.CodeInvalid, "OTEL_TRACES_EXPORTER is %q; traces are sent by otlp alone, or not at all by none", exporter)
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if protocol := os.Getenv(name); protocol == "grpc" {
			return false, false, asof.Errorf(asof.CodeInvalid, "%s is grpc; traces are sent by http/protobuf alone, to the collector's HTTP port, which is mostly 4318", name)
		} else if protocol != "" {
			break
		}
	}
	return true, endpoint, nil
}

// complaints gets what the library cannot do, a collector that is away above
// all, and logs it once a minute.
type complaints struct {
	log  *slog.Logger
	last atomic.Int64 // seconds since 1970
}

// Handle logs an error.
func (c *complaints) Handle(err error) {
	now := time.Now().Unix()
	if last := c.last.Load(); now-last >= 60 && c.last.CompareAndSwap(last, now) {
		c.log.Warn("traces are not sent", "error", err)
	}
}

// Close sends the last spans, within a few seconds. What cannot be sent is
// logged: work that was done has not failed for it.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		otel.Handle(err)
	}
	return nil
}

// Start begins a span within that of ctx, if there is one. The function that it
// returns ends it, with the error if it failed.
func (t *Tracer) Start(ctx context.Context, name string) (context.Context, func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	ctx, span := t.tracer.Start(ctx, name, api.WithAttributes(t.project))
	return ctx, func(err error) { end(span, err) }
}

func end(span api.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}
