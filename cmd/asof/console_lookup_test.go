package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// browseLookup looks a user up by the form, goes over the snapshots with the
// slider, and holds what the page says against the two months.
func browseLookup(t *testing.T, b *browser, w *watched) {
	const user = "3413-BMNZE"
	var at, values string
	if err := b.do(chromedp.Navigate(w.root+"/catalog/view/usage_agg_30d_fv?lang=en&theme=light"), follow(`a[href="/lookup?view=usage_agg_30d_fv"]`),
		leads(chromedp.SendKeys("#input-0", user+"\r")),
		chromedp.Evaluate(`const s = document.querySelector("#slider"); s.value = 0; s.dispatchEvent(new Event("input")); s.dispatchEvent(new Event("change"))`, nil),
		chromedp.WaitVisible(`nav a[aria-current][href*="2024-01-31"]`), chromedp.Location(&at), chromedp.Text("#values + div table", &values)); err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(at)
	if err != nil || address.Query().Get("at") != "2024-01-31T00:00:00Z" || address.Query().Get("key.user_id") != user || !strings.Contains(values, "differs") {
		t.Errorf("the slider leads to %s, which says\n%s", at, values)
	}
	asked := "/lookup?view=usage_agg_30d_fv&key.user_id=" + user
	for _, question := range []string{asked + "&at=2024-01-31&lang=fr&theme=dark", asked + "&feature=usage_agg_30d_fv:watch_hours_30d&lang=fr", "/lookup?f=subs_profile_fv:monthly_fee&q=watch&lang=fr",
		"/lookup?f=subs_profile_fv:monthly_fee&f=usage_agg_30d_fv:skips_7d&key.user_id=nobody&lang=fr&theme=light"} {
		b.open(t, w.root+question, "fr")
	}
	b.open(t, w.root+asked+"&at=soon&lang=en", "en")
	var page struct {
		Values []struct {
			Online struct {
				Event string `json:"event_timestamp"`
			}
			Offline any
			Differs bool
		}
		Differences []struct{ Cause string }
		Snapshots   []any
	}
	for month, want := range map[string]string{"2024-01-31": "ahead", "2024-02-29": ""} {
		page.Differences = nil
		if err := json.Unmarshal([]byte(fetch(t, w.root+asked+"&format=json&at="+month, http.StatusOK)), &page); err != nil || len(page.Values) == 0 || page.Values[0].Online.Event != "2024-02-29T00:00:00Z" ||
			page.Values[0].Offline == nil || len(page.Snapshots) != 2 || len(page.Differences) != min(len(want), 1) || want != "" && page.Differences[0].Cause != want {
			t.Errorf("%s: %+v, %v", month, page, err)
		}
	}
}
