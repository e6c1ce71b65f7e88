package notify_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/notify"
)

// TestSlack has the message of each state.
func TestSlack(t *testing.T) {
	r := receive(t, nil)
	target := notify.Target{Name: "slack", Format: notify.Slack, URL: r.URL}
	began := time.Date(2024, 2, 1, 6, 0, 0, 0, time.UTC)
	run := asof.Run{ID: "20240201T060000Z-abcd1234", Project: "shop", Pipeline: "month", Started: began, Finished: began.Add(1234 * time.Millisecond),
		Params: map[string]string{"month": "month_000", "as_of": "2024-01-31"}}
	wrong := run
	wrong.Error = "usage: 2 of 50 rows are < 0 & ```bad```"
	wrong.Finished = began.Add(90 * time.Second)
	var texts []string
	for _, e := range []notify.Event{
		{State: asof.RunRunning, At: began, Run: run},
		{State: asof.RunCompleted, Run: run},
		{State: asof.RunFailed, Run: wrong, Steps: []asof.RunStep{{Name: "load usage", State: asof.RunCompleted}, {Name: "check usage", State: asof.RunFailed, Error: "2 of 50"}}},
		{State: asof.RunCrashed, At: began.Add(time.Minute), Run: asof.Run{ID: run.ID, Project: "shop", Pipeline: "month", Started: began, Error: "its process died"}},
		{Message: "<January> is served", Run: run},
		{State: asof.RunFailed, Run: asof.Run{Project: "shop", Pipeline: "month", Error: strings.Repeat("é", 5000)}},
	} {
		if err := notify.Send(t.Context(), target, e); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range r.got() {
		var message map[string]string
		if err := json.Unmarshal(s.body, &message); err != nil || len(message) != 1 {
			t.Fatalf("%v in %s", err, s.body)
		}
		texts = append(texts, message["text"])
	}
	if n := len(texts[5]); n > 2200 || !strings.HasSuffix(texts[5], "é …```") {
		t.Errorf("an error of 10,000 bytes makes a text of %d", n)
	}
	want := []string{
		":arrow_forward: *shop/month* runs (as_of=2024-01-31 month=month_000), run `20240201T060000Z-abcd1234`",
		":white_check_mark: *shop/month* completed after 1.23s (as_of=2024-01-31 month=month_000), run `20240201T060000Z-abcd1234`",
		":x: *shop/month* failed after 1m30s (as_of=2024-01-31 month=month_000), run `20240201T060000Z-abcd1234`, step `check usage`\n```usage: 2 of 50 rows are &lt; 0 &amp; '''bad'''```",
		":boom: *shop/month* crashed after 1m0s, run `20240201T060000Z-abcd1234`\n```its process died```",
		"*shop/month*: &lt;January&gt; is served",
	}
	if d := cmp.Diff(want, texts[:5]); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}
