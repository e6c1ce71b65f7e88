package main

import (
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	servingpb "github.com/asof-dev/asof/feastpb/serving"
)

// receiver is an OpenTelemetry collector that keeps what it is sent.
type receiver struct {
	url   string
	mutex sync.Mutex
	spans []*spans.Span
	of    map[string]string // the attributes of the last sender
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{of: map[string]string{}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		var sent collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &sent)
		}
		if err != nil || request.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", request.URL, err)
		}
		r.mutex.Lock()
		defer r.mutex.Unlock()
		for _, of := range sent.ResourceSpans {
			for _, a := range of.Resource.Attributes {
				r.of[a.Key] = a.Value.GetStringValue()
			}
			for _, scope := range of.ScopeSpans {
				r.spans = append(r.spans, scope.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

// named returns the spans of that name.
func (r *receiver) named(name string) (found []*spans.Span) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, s := range r.spans {
		if s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

// attribute returns a text or a whole number, which is none where it is 0.
func attribute(s *spans.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.GetStringValue() + strings.TrimPrefix(strconv.FormatInt(a.Value.GetIntValue(), 10), "0")
		}
	}
	return ""
}

// TestTraces runs commands and servers whose environment names a collector.
func TestTraces(t *testing.T) {
	r := newReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.url)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	dir := shop(t)
	runs := r.named("materialize subs_profile_fv")
	if len(runs) != 1 || attribute(runs[0], "asof.rows_written") != "50" || attribute(runs[0], "asof.project") != "shop" || runs[0].EndTimeUnixNano <= runs[0].StartTimeUnixNano {
		t.Errorf("materializations are %v", runs)
	}
	run(t, "asof", "-c", dir, "get-historical-features", "--as-of", "2024-02-01", "-f", "subs_profile_fv:monthly_fee", "-o", "t.csv")
	if sets := r.named("training set"); len(sets) != 1 {
		t.Errorf("training sets are %v", sets)
	}
	if r.of["service.name"] != "asof" || r.of["deployment.environment.name"] != "test" {
		t.Errorf("the sender is %v", r.of)
	}

	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	t.Run("serve", func(t *testing.T) { // the last spans are sent when it ends
		where := serve(t, dir, 6, "--all", "-p", "0", "--grpc-port", "0", "--registry-port", "0", "--rest-port", "0", "--offline-port", "0", "--ui-port", "0")
		request, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+where["http"]+"/features/3413-BMNZE?features=monthly_fee", nil)
		request.Header.Set("traceparent", "00-"+trace+"-"+parent+"-01")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		fetch(t, "http://"+where["http"]+"/health", 200)
		conn, err := grpc.NewClient(where["grpc"], grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-"+trace+"-"+parent+"-01")
		if _, err := servingpb.NewServingServiceClient(conn).GetFeastServingInfo(ctx, &servingpb.GetFeastServingInfoRequest{}); err != nil {
			t.Fatal(err)
		}
	})
	requests, reads, calls := r.named("GET /features/{key}"), r.named("online store read"), r.named("feast.serving.ServingService/GetFeastServingInfo")
	if len(requests) != 1 || len(reads) != 1 || len(calls) != 1 {
		t.Fatalf("requests are %v, reads %v, calls %v", requests, reads, calls)
	}
	for _, s := range []*spans.Span{requests[0], calls[0]} {
		if hex.EncodeToString(s.TraceId) != trace || hex.EncodeToString(s.ParentSpanId) != parent || s.Kind != spans.Span_SPAN_KIND_SERVER {
			t.Errorf("%v is not within its caller's span", s)
		}
	}
	if string(reads[0].ParentSpanId) != string(requests[0].SpanId) || attribute(reads[0], "asof.keys") != "1" {
		t.Errorf("%v is not within %v", reads[0], requests[0])
	}
	if attribute(requests[0], "http.response.status_code") != "200" || attribute(calls[0], "rpc.grpc.status_code") != "OK" {
		t.Errorf("the codes are %v and %v", requests[0], calls[0])
	}
	if health := r.named("GET /health"); len(health) > 0 {
		t.Errorf("supervisors are traced: %v", health)
	}
}

// A collector that is away, or settings that cannot be followed, cost a line.
func TestTracesCannotBeSent(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	dir := shop(t)
	for _, c := range []struct{ env, says string }{
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "traces are not sent"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + silent.Addr().String(), "traces are not sent"},
		{"OTEL_TRACES_EXPORTER=zipkin", `warning: there are no traces: OTEL_TRACES_EXPORTER is "zipkin"`},
		{"OTEL_TRACES_EXPORTER=none", ""},
	} {
		cmd := exec.Command("asof", "-c", dir, "get-historical-features", "--as-of", "2024-02-01", "-f", "subs_profile_fv:monthly_fee", "-o", "t.csv")
		cmd.Env = append(cmd.Environ(), c.env)
		began := time.Now()
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.says) || !strings.Contains(string(out), "Wrote 50 rows") || c.says == "" && strings.Contains(string(out), "traces") {
			t.Errorf("%s: %v\n%s, want %q", c.env, err, out, c.says)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: holds the command up for %s", c.env, took)
		}
	}
}
