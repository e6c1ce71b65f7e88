package metric

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/asof-dev/asof"
)

// Verified is what holding a view's online rows against its source came to.
type Verified struct {
	View       string
	At         time.Time // up to when the source was taken
	Keys       int64     // compared
	Mismatches map[string]int64
}

// WriteVerified writes the counts to a file for the textfile collector of
// Prometheus' node_exporter. The file appears whole.
func WriteVerified(path, project string, now time.Time, list []Verified) error {
	own := prometheus.Labels{"project": project}
	vec := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: own}, labels)
	}
	mismatches := vec("asof_verify_mismatches", "Online rows that are not what the source says, by cause", "feature_view", "cause")
	keys := vec("asof_verify_keys", "Keys that were compared", "feature_view")
	until := vec("asof_verify_until_timestamp_seconds", "Up to when the source was taken, in seconds since 1970", "feature_view")
	ran := vec("asof_verify_run_timestamp_seconds", "When the comparison ended, in seconds since 1970")
	for _, v := range list {
		for cause, n := range v.Mismatches {
			mismatches.WithLabelValues(v.View, cause).Set(float64(n))
		}
		keys.WithLabelValues(v.View).Set(float64(v.Keys))
		until.WithLabelValues(v.View).Set(seconds(v.At))
	}
	ran.WithLabelValues().Set(seconds(now))
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(mismatches, keys, until, ran)
	if err := prometheus.WriteToTextfile(path, registry); err != nil {
		return asof.Errorf(asof.CodeInvalid, "the metrics cannot be written to %s: %w", path, err)
	}
	return nil
}

// seconds returns an instant in seconds since 1970.
func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
