package cli

import (
	"cmp"
	"log/slog"
	"os"
	"strings"

	"github.com/asof-dev/asof/definition"
	"github.com/asof-dev/asof/notify"
)

// notifier tells of runs what asof.notify and openlineage ask for.
func (r *repository) notifier() *notify.Notifier {
	n, _ := opened(r, &r.notifying, func() (*notify.Notifier, error) {
		targets := webhooks(r.config.Asof.Notify)
		lineage := r.config.Lineage
		if target, ok := lineageTarget(lineage); ok {
			targets = append(targets, target)
		}
		return notify.New(notify.Options{Targets: targets, Version: Version, Namespace: lineageNamespace(lineage), About: r.about, Log: slog.Default()}), nil
	})
	return n
}

// webhooks returns the targets of asof.notify.
func webhooks(list []definition.Notify) []notify.Target {
	var targets []notify.Target
	for _, n := range list {
		targets = append(targets, notify.Target{Name: n.Name, Format: notify.Format(n.Format), URL: n.URL, Headers: n.Headers, Secret: n.Secret,
			States: n.States, Pipelines: n.Pipelines, Drift: n.Drift})
	}
	return targets
}

// lineageTarget returns where OpenLineage's events go, if anywhere. Where
// feature_store.yaml does not say it, the variables of OpenLineage's clients do.
func lineageTarget(l definition.Lineage) (notify.Target, bool) {
	target := notify.Target{Name: "openlineage", Format: notify.OpenLineage, URL: l.URL, File: l.File}
	key := l.APIKey
	if !l.Enabled || strings.EqualFold(os.Getenv("OPENLINEAGE_DISABLED"), "true") {
		return target, false
	}
	if l.Type == "" {
		base := os.Getenv("OPENLINEAGE_URL")
		if base == "" {
			return target, false
		}
		endpoint := cmp.Or(os.Getenv("OPENLINEAGE_ENDPOINT"), "api/v1/lineage")
		target.URL, key = strings.TrimSuffix(base, "/")+"/"+strings.TrimPrefix(endpoint, "/"), os.Getenv("OPENLINEAGE_API_KEY")
	}
	if key != "" {
		target.Headers = map[string]string{"Authorization": "Bearer " + key}
	}
	return target, true
}

// lineageNamespace returns the namespace of jobs.
func lineageNamespace(l definition.Lineage) string {
	if l.Type == "" {
		return cmp.Or(os.Getenv("OPENLINEAGE_NAMESPACE"), l.Namespace)
	}
	return l.Namespace
}
