package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
)

// browseHome looks whether everything is all right after February was
// corrected, and finds the request that a server has just answered.
func browseHome(t *testing.T, b *browser, w *watched) {
	fetch(t, "http://"+w.at["http"]+"/features/nobody?features=subs_profile_fv:monthly_fee", http.StatusOK)
	b.open(t, w.root+"/?theme=dark&lang=fr", "fr")
	b.open(t, w.root+"/?until=2023-12", "fr")
	b.open(t, w.root+"/?theme=light&lang=en", "en")
	var headline, view, route string
	if err := b.do(chromedp.Text(".headline", &headline), chromedp.TextContent(".calendar a text", &view), chromedp.Text("#traffic tbody th", &route)); err != nil {
		t.Fatal(err)
	}
	if headline != "All is well" || view == "" || route != "/features/{key}" {
		t.Errorf("home says %q, of the view %q and the route %q", headline, view, route)
	}
	var home struct {
		Needs []any
		Runs  struct{ Last []struct{ State string } }
	}
	if err := json.Unmarshal([]byte(fetch(t, w.root+"/?format=json", http.StatusOK)), &home); err != nil || len(home.Needs) != 0 || len(home.Runs.Last) != 2 || home.Runs.Last[0].State != "completed" {
		t.Errorf("the JSON form is %+v, %v", home, err)
	}
}
