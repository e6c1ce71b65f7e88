package metric_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/metric"
	"github.com/asof-dev/asof/storetest"
)

// feastMetrics prints Feast's own metrics: their kinds, labels and buckets.
const feastMetrics = `
import json
from feast import metrics
from prometheus_client.metrics import MetricWrapperBase
print(json.dumps({m._name: [m._type, sorted(m._labelnames), [str(float(b)) for b in getattr(m, "_kwargs", {}).get("buckets", [])]]
  for m in vars(metrics).values() if isinstance(m, MetricWrapperBase)}))`

// notOurs are Feast's metrics of what the server does not do, and gauges whose
// numbers the process metrics hold.
var notOurs = regexp.MustCompile("^feast_(push_|offline_store_|feature_server_(write_)?transformation_|feature_server_(cpu|memory)_usage)")

// TestFeastsMetrics holds names, kinds, labels and buckets against the Feast
// that is installed.
func TestFeastsMetrics(t *testing.T) {
	var theirs map[string][3]json.RawMessage
	if err := json.Unmarshal(storetest.RunPython(t, feastMetrics), &theirs); err != nil || len(theirs) < 10 {
		t.Fatal(err, theirs)
	}
	s := newServer(t, metric.Options{}, httpapi.Options{})
	s.ask(t, "POST", "/get-online-features", `{"feature_service":"both","entities":{"user_id":["ann"]}}`, 200)
	s.materialized(t, 1, 10, 1, "", 1)
	shown := s.ask(t, "GET", "/metrics", "", 200)
	for name, about := range theirs {
		if notOurs.MatchString(name) {
			continue
		}
		var kind string
		var labels, buckets []string
		for i, into := range []any{&kind, &labels, &buckets} {
			if err := json.Unmarshal(about[i], into); err != nil {
				t.Fatal(err)
			}
		}
		sample := map[string]string{"counter": name + "_total", "gauge": name, "histogram": name + "_count"}[kind]
		if typed := fmt.Sprintf("# TYPE %s %s\n", strings.TrimSuffix(sample, "_count"), kind); !strings.Contains(shown, typed) {
			t.Errorf("the metrics lack %q", typed)
			continue
		}
		line := regexp.MustCompile("(?m)^" + sample + `(\{.*\})? `).FindString(shown)
		var got []string
		for _, l := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(line, -1) {
			got = append(got, l[1])
		}
		if !slices.Equal(got, labels) {
			t.Errorf("%s has labels %v, Feast's %v", name, got, labels)
		}
		for _, bound := range buckets {
			if le := strings.TrimSuffix(bound, ".0"); !strings.Contains(shown, `le="`+le+`"`) || !regexp.MustCompile("(?m)^"+name+"_bucket\\{.*le=\""+regexp.QuoteMeta(le)+`"`).MatchString(shown) {
				t.Errorf("%s has no bucket %s", name, bound)
			}
		}
	}
}
