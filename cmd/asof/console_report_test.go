package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browseReport opens a report of drift in the light and in the dark, follows its
// contents, and holds that it loads nothing but itself.
func browseReport(t *testing.T, b *browser, w *watched) {
	run(t, "asof", "-c", w.dir, "monitor", "report", "--reference", "2024-01-31", "--current", "2024-02-29", "-o", "drift.html")
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		http.ServeFile(rw, r, filepath.Join(w.dir, "drift.html"))
	}))
	defer server.Close()
	for _, scheme := range []string{"light", "dark"} {
		if err := b.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}})); err != nil {
			t.Fatal(err)
		}
		links := b.open(t, server.URL+"/"+scheme, "en")
		if !slices.Contains(links, server.URL+"/"+scheme+"#usage_agg_30d_fv.watch_hours_30d") {
			t.Errorf("the contents are %q", links)
		}
	}
	var charts, missing int
	if err := b.do(emulation.SetEmulatedMedia(), chromedp.Evaluate(`document.querySelectorAll("svg.chart").length`, &charts),
		chromedp.Evaluate(`[...document.querySelectorAll('a[href^="#"]')].filter(a => !document.getElementById(decodeURIComponent(a.hash.slice(1)))).length`, &missing)); err != nil {
		t.Fatal(err)
	}
	if charts != 14 || missing != 0 || !slices.Equal(asked, []string{"/light", "/dark"}) {
		t.Errorf("%d charts, %d links to nowhere; it asked for %q", charts, missing, asked)
	}
}
