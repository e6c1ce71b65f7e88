package definition_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/definition"
)

const notifyHead = "project: shop\nregistry: data/registry.db\n"

func TestNotify(t *testing.T) {
	t.Setenv("SLACK", "https://hooks.example.com/services/s3cret")
	c, err := config(t, notifyHead+`asof:
  notify:
    - {url: "${SLACK}", format: slack, on: [failed, crashed, drifted]}
    - name: audit
      url: http://audit:8080/runs
      pipelines: [ingest_month]
      headers: {Authorization: Bearer s3cret}
      secret: s3cret
    - {name: drifts, url: "http://d", on: [drifted]}
    - {name: all, url: "http://e"}
    - {url: "https://${NOT_SET}/x", name: laptop}
    - {url: "https://signed/x", secret: $NOT_SET}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []definition.Notify{
		{Name: "hooks.example.com", URL: "https://hooks.example.com/services/s3cret", Format: "slack", States: []asof.RunState{asof.RunFailed, asof.RunCrashed}, Drift: true},
		{Name: "audit", URL: "http://audit:8080/runs", Format: "json", Pipelines: []string{"ingest_month"}, Headers: map[string]string{"Authorization": "Bearer s3cret"}, Secret: "s3cret"},
		{Name: "drifts", URL: "http://d", Format: "json", States: []asof.RunState{}, Drift: true},
		{Name: "all", URL: "http://e", Format: "json", Drift: true},
	}
	if d := cmp.Diff(want, c.Asof.Notify); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings.Error(), "NOT_SET") {
		t.Errorf("warnings: %v", c.Warnings)
	}
	settings, err := c.Settings()
	if shown := fmt.Sprint(settings); err != nil || strings.Contains(shown, "s3cret") || !strings.Contains(shown, "https://hooks.example.com/********") {
		t.Errorf("%v, shown as %s", err, shown)
	}
}

func TestNotifyMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"{url: x}":                            ":4: asof.notify lists webhooks",
		"[x]":                                 ":4: asof.notify lists webhooks",
		"[{name: a}]":                         ":4: asof.notify needs `url`",
		"[{url: ftp://s3cret}]":               ":4: asof.notify.url is no address",
		"[{url: 'http://a', format: slak}]":   `:4: asof.notify.format is "slak"; write json or slack; did you mean "slack"?`,
		"[{url: 'http://a', on: [faild]}]":    `:4: asof.notify.on: there is no state "faild"`,
		"[{url: 'http://a', on: failed}]":     ":4: asof.notify.on: ",
		"[{url: 'http://a', headers: x}]":     ":4: asof.notify.headers: ",
		"[{url: 'http://a'},{url: http://a}]": `asof.notify has two of the name "a"`,
	} {
		_, err := config(t, notifyHead+"asof:\n  notify: "+text+"\n")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	c, err := config(t, notifyHead+"asof:\n  notify: [{url: 'http://a', onn: [failed]}]\n")
	if err != nil || !strings.Contains(c.Warnings.Error(), `unknown key "onn" in asof.notify is ignored; did you mean "on"?`) {
		t.Errorf("%v, %v", err, c.Warnings)
	}
}

// TestLineageSection reads Feast's section.
func TestLineageSection(t *testing.T) {
	for text, want := range map[string]definition.Lineage{
		"":                                    {Enabled: true, Namespace: "shop"},
		"openlineage: {transport_type: http}": {Type: "http", Namespace: "shop"},
		"openlineage: {enabled: false, transport_type: http}": {Type: "http", Namespace: "shop"},
		"openlineage: {enabled: true}":                        {Enabled: true, Namespace: "shop"},
		"openlineage: {enabled: true, transport_type: http, transport_url: 'http://marquez:5000/', api_key: k, namespace: team, emit_on_apply: false}": {
			Enabled: true, Type: "http", URL: "http://marquez:5000/api/v1/lineage", APIKey: "k", Namespace: "team/shop"},
		"openlineage: {enabled: true, transport_type: http, transport_url: 'http://feast', transport_endpoint: /lineage, namespace: feast}": {
			Enabled: true, Type: "http", URL: "http://feast/lineage", Namespace: "shop"},
		"openlineage: {enabled: true, transport_type: file, transport_url: /var/events, namespace: team/shop}": {
			Enabled: true, Type: "file", File: "/var/events", Namespace: "team/shop"},
		"openlineage: {enabled: true, transport_type: kafka}": {Type: "kafka", Namespace: "shop"},
	} {
		c, err := config(t, notifyHead+text+"\n")
		if err != nil {
			t.Fatal(text, err)
		}
		if d := cmp.Diff(want, c.Lineage); d != "" {
			t.Errorf("%s: -want +got\n%s", text, d)
		}
		if warned := len(c.Warnings) > 0; warned != (want.Type == "kafka") {
			t.Errorf("%s: %v", text, c.Warnings)
		}
	}
	c, err := config(t, notifyHead+"openlineage: {enabled: true, transport_type: file}\n")
	if err != nil || c.Lineage.File != filepath.Join(c.Dir, "openlineage_events.json") {
		t.Errorf("%v, %s", err, c.Lineage.File)
	}
	for text, want := range map[string]string{
		"openlineage: true": ":3: openlineage holds settings",
		"openlineage: {enabled: true, transport_type: http}":     ":3: openlineage.transport_url is no address",
		"openlineage: {enabled: maybe, transport_type: console}": ":3: openlineage.enabled has to be true or false",
	} {
		if _, err := config(t, notifyHead+text+"\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
