package httpapi_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/answerlog"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/serving"
)

// discard is a ResponseWriter that keeps nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkOnline is a whole request without the network: decoding, plan, the
// store in memory, and the answer, of ten features.
func BenchmarkOnline(b *testing.B) {
	for _, rows := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			h, _, body := tenFeatures(b, rows)
			request := httptest.NewRequest("POST", "/get-online-features", http.NoBody)
			w := &discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				request.Body = io.NopCloser(strings.NewReader(body))
				h.ServeHTTP(w, request)
			}
		})
	}
}

// BenchmarkRead is the part of it between the request and the answer's bytes.
func BenchmarkRead(b *testing.B) {
	for _, rows := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			_, reader, _ := tenFeatures(b, rows)
			q := serving.Request{Selection: serving.Selection{Service: "ten"}, Entities: []serving.Column{{Name: "user_id"}}}
			for i := range rows {
				q.Entities[0].Values = append(q.Entities[0].Values, serving.Text(fmt.Sprint(i)))
			}
			b.ReportAllocs()
			for b.Loop() {
				a, err := reader.Read(b.Context(), &q)
				if err != nil {
					b.Fatal(err)
				}
				a.SendFeast(false, func([][]byte, int) {})
				a.Release()
			}
		})
	}
}

// BenchmarkLogged is what the log of answers costs a whole request: none, a
// hundredth, all of them.
func BenchmarkLogged(b *testing.B) {
	for _, rows := range []int{1, 100} {
		for _, rate := range []float64{0, 0.01, 1} {
			b.Run(fmt.Sprintf("rows=%d/rate=%g", rows, rate), func(b *testing.B) {
				h, body := logged(b, rows, rate)
				request := httptest.NewRequest("POST", "/get-online-features", http.NoBody)
				w := &discard{http.Header{}}
				b.ReportAllocs()
				for b.Loop() {
					request.Body = io.NopCloser(strings.NewReader(body))
					h.ServeHTTP(w, request)
				}
			})
		}
	}
}

// logged serves ten features, and logs so much of the answers; with 0 there is
// no log.
func logged(b testing.TB, rows int, rate float64) (http.Handler, string) {
	h, reader, body := tenFeatures(b, rows)
	if rate == 0 {
		return h, body
	}
	log := answerlog.New(answerlog.Options{Rate: rate, Folder: b.TempDir()})
	b.Cleanup(func() { _ = log.Close() })
	options := reader.Options
	options.Sink = log.Sink
	reader, err := serving.New(options)
	if err != nil {
		b.Fatal(err)
	}
	return httpapi.New(httpapi.Options{Reader: reader}), body
}

func tenFeatures(b testing.TB, rows int) (http.Handler, *serving.Reader, string) {
	v := userView("wide")
	service := &asof.FeatureService{Name: "ten", Projections: []asof.Projection{{View: "wide"}}}
	var data bytes.Buffer
	var keys []string
	for i := range 10 {
		v.Features = append(v.Features, field(fmt.Sprintf("f%d", i), []asof.ValueType{asof.TypeInt64, asof.TypeFloat32, asof.TypeBool, asof.TypeString, asof.TypeFloat64}[i%5]))
	}
	service.Projections[0].Features = v.Features
	for i := range rows {
		fmt.Fprintf(&data, `%c{"user_id":"%d","event_timestamp":"2024-01-31T00:00:00Z","f0":%d,"f1":%d.25,"f2":true,"f3":"Month-to-month","f4":0.%d,"f5":5,"f6":1.5,"f7":false,"f8":"DSL","f9":2.5}`,
			"[,"[min(i, 1)], i, i, i, i)
		keys = append(keys, fmt.Sprintf("%q", fmt.Sprint(i)))
	}
	registry, store := memory.NewRegistry(nil), memory.NewOnline(3)
	if _, err := registry.Apply(b.Context(), project, asof.Change{Put: []asof.Object{user, v, service}}); err != nil {
		b.Fatal(err)
	}
	write(b, store, v, data.String()+"]")
	reader, err := serving.New(serving.Options{Registry: registry, Online: store, Project: project})
	if err != nil {
		b.Fatal(err)
	}
	h := httpapi.New(httpapi.Options{Reader: reader})
	body := `{"feature_service":"ten","entities":{"user_id":[` + strings.Join(keys, ",") + `]}}`
	if status, got := ask(b, h, "POST", "/get-online-features", body); status != 200 || strings.Contains(got, "NOT_FOUND") {
		b.Fatalf("%d %s", status, got)
	}
	return h, reader, body
}
