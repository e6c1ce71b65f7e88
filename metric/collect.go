package metric

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/asof-dev/asof"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Feast's series.
var (
	feastRequests = desc("feast_feature_server_request_total", "Requests for features", "endpoint", "status")
	feastLatency  = desc("feast_feature_server_request_latency_seconds", "Time that requests for features took", "endpoint", "feature_count", "feature_view_count")
	feastOnline   = desc("feast_online_features_request_total", "Requests for features that were answered")
	feastEntities = desc("feast_online_features_entity_count", "Entity rows of a request for features")
	feastStatuses = desc("feast_online_features_status_total", "Feature values by view: present where there was a row", "feature_view", "status")
	feastStore    = desc("feast_feature_server_online_store_read_duration_seconds", "Time that a request waited for the online store")
)

// Ours.
var (
	ourLatency = desc("asof_request_duration_seconds", "Time that requests took, by route, feature service and the code of the answer", "route", "feature_service", "code")
	ourValues  = desc("asof_online_values_total", "Feature values by view and exact status", "feature_view", "status")
	ourTold    = desc("asof_notifications_total", "Events of runs and of drift that webhooks and OpenLineage were told of, that they did not take, and that were never sent", "target", "result")
	ourLogged  = desc("asof_answers_logged_total", "Rows of answers chosen for the log: written, dropped because it was behind, failed because its files could not be written", "result")
	ourRefused = desc("asof_requests_refused_total", "Requests refused because the server was at asof.serve.max_requests")
)

// statusNames are the values of the label status.
var statusNames = [...]string{
	asof.StatusPresent:       "present",
	asof.StatusNullValue:     "null_value",
	asof.StatusNotFound:      "not_found",
	asof.StatusOutsideMaxAge: "outside_max_age",
}

// Describe sends nothing: which series there are depends on the requests.
func (m *Metrics) Describe(chan<- *prometheus.Desc) {}

// Collect sends all series. Prometheus' library calls it.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	m.collectRequests(to)
	for view, counts := range *m.views.Load() {
		collectValues(to, view, counts)
	}
	entities, store := m.entities.read(), m.store.read()
	to <- counter(feastOnline, entities.total())
	to <- entities.metric(feastEntities)
	to <- store.metric(feastStore)
	to <- counter(ourRefused, m.refused.Load())
	m.runs.collect(m, to)
	m.pipelines.collect(m, to)
	m.drifts.collect(m, to)
	m.collectTold(to)
	m.collectLogged(to)
}

func (m *Metrics) collectRequests(to chan<- prometheus.Metric) {
	type requests struct{ endpoint, status string }
	type latency struct{ endpoint, features, views string }
	type ours struct{ route, service, code string }
	counts, feasts, all := map[requests]uint64{}, map[latency]*reading{}, map[ours]*reading{}
	for k, h := range *m.kinds.Load() {
		took := h.read()
		addTo(all, ours{k.route, k.service, k.code}, took)
		if !k.asked {
			continue
		}
		status := "success"
		if k.failed {
			status = "error"
		}
		counts[requests{k.route, status}] += took.total()
		l := latency{endpoint: k.route}
		if k.features != unknown {
			l.features, l.views = m.binName(int(k.features)), strconv.Itoa(int(k.views))
		}
		addTo(feasts, l, took)
	}
	for k, n := range counts {
		to <- counter(feastRequests, n, k.endpoint, k.status)
	}
	for k, took := range feasts {
		to <- took.metric(feastLatency, k.endpoint, k.features, k.views)
	}
	for k, took := range all {
		to <- took.metric(ourLatency, k.route, k.service, k.code)
	}
}

// addTo adds a reading to the one of that key.
func addTo[K comparable](sums map[K]*reading, key K, r reading) {
	if sums[key] == nil {
		sums[key] = new(reading)
	}
	sums[key].add(r)
}

// collectValues sends the counts of a view. Feast knows two statuses: what has
// a row is present, a null and an expired value too.
func collectValues(to chan<- prometheus.Metric, view string, counts *values) {
	var present, missing uint64
	for status, name := range statusNames {
		n := counts[status].Load()
		switch {
		case name == "":
			continue
		case asof.Status(status) == asof.StatusNotFound:
			missing += n
		default:
			present += n
		}
		to <- counter(ourValues, n, view, name)
	}
	to <- counter(feastStatuses, present, view, "present")
	to <- counter(feastStatuses, missing, view, "not_found")
}

// collectTold sends who was told of runs.
func (m *Metrics) collectTold(to chan<- prometheus.Metric) {
	if m.Told == nil {
		return
	}
	for _, c := range m.Told() {
		to <- counter(ourTold, c.Delivered, c.Target, "delivered")
		to <- counter(ourTold, c.Failed, c.Target, "failed")
		to <- counter(ourTold, c.Dropped, c.Target, "dropped")
	}
}

// collectLogged sends what became of the rows of answers that were to be logged.
func (m *Metrics) collectLogged(to chan<- prometheus.Metric) {
	if m.Logged == nil {
		return
	}
	c := m.Logged()
	to <- counter(ourLogged, c.Written, "written")
	to <- counter(ourLogged, c.Dropped, "dropped")
	to <- counter(ourLogged, c.Failed, "failed")
}

func counter(d *prometheus.Desc, n uint64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

// bin returns the place of the label feature_count for so many features.
func (m *Metrics) bin(features int) int8 {
	i := 0
	for i < len(m.FeatureCountBins) && features > m.FeatureCountBins[i] {
		i++
	}
	return int8(i)
}

// binName returns the label of a place as Feast writes it: 1-10, 11-50, 201+.
func (m *Metrics) binName(place int) string {
	from := 1
	if place > 0 {
		from = m.FeatureCountBins[place-1] + 1
	}
	if place == len(m.FeatureCountBins) {
		return strconv.Itoa(from) + "+"
	}
	return strconv.Itoa(from) + "-" + strconv.Itoa(m.FeatureCountBins[place])
}
