package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// browseTraining makes the training set of February's users by one click, sees
// it through, makes another one of a file, and makes the first one again.
func browseTraining(t *testing.T, b *browser, w *watched) {
	b.open(t, w.root+"/training?lang=fr&theme=dark", "fr")
	b.open(t, w.root+"/training/new?theme=light", "fr")
	var job, set, said string
	if err := b.do(chromedp.Navigate(w.root+"/training/new?lang=en"), follow("form.fields button.strong"), follow(`button[name="sure"][value="yes"]`), chromedp.WaitVisible(`main a[href^="/training/set/"]`), chromedp.Location(&job),
		follow(`main a[href^="/training/set/"]`), chromedp.WaitVisible("main table"), chromedp.Location(&set), chromedp.Text("main", &said)); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(job, w.root+"/training/job/") || !strings.Contains(said, "data/training/training-2024-02-29/training.parquet") || !strings.Contains(said, "What it was made from is as it was") {
		t.Errorf("%s leads to %s:\n%s", job, set, said)
	}
	var made struct {
		Rows    int
		Request struct{ Label string }
		Columns []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(fetch(t, set+"?format=json", http.StatusOK)), &made); err != nil || made.Rows != 50 || made.Request.Label != "churn_label" || len(made.Columns) != 17 {
		t.Errorf("the set is %+v, %v", made, err)
	}
	csv := fetch(t, set+"/download?as=csv", http.StatusOK)
	if lines := strings.Split(csv, "\n"); len(lines) != 52 || !strings.HasSuffix(lines[0], ",churn_label") || !strings.HasPrefix(fetch(t, set+"/download?as=parquet", http.StatusOK), "PAR1") {
		t.Errorf("downloaded:\n%.300s", csv)
	}
	users := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(users, []byte("user_id,event_timestamp\n3413-BMNZE,2024-02-10\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := b.do(chromedp.Navigate(w.root+"/training/new"), chromedp.SetUploadFiles(`input[type="file"]`, []string{users}, chromedp.ByQuery), chromedp.Evaluate(`document.querySelector("main [name=name]").value = "février"; document.querySelector("main [name=label]").value = ""`, nil), follow("form.fields button.strong"), chromedp.Text("main", &said),
		follow(`button[name="sure"][value="yes"]`), chromedp.WaitVisible(`main a[href^="/training/set/"]`),
		chromedp.Navigate(set+"/reproduce"), follow(`button[name="sure"][value="yes"]`), chromedp.WaitVisible("main strong"), chromedp.Location(&job)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said, "Entity rows: 1, of the file users.csv") {
		t.Errorf("before it is made:\n%s", said)
	}
	for address, language := range map[string]string{job + "?lang=fr": "fr", set + "?lang=fr&theme=dark": "fr", w.root + "/training?lang=en&theme=light": "en"} {
		b.open(t, address, language)
	}
	if page := fetch(t, job+"?lang=en", http.StatusOK); !strings.Contains(page, "The content is the same, bit for bit.") {
		t.Errorf("made again:\n%s", page)
	}
}
