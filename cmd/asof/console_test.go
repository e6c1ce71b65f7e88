package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/asof-dev/asof"
)

// consoleTests go through the pages of the console, in the order of its menu:
// each in the same browser, with the same repository, and after all pages that
// are linked from another have been opened.
var consoleTests = []struct {
	page string
	test func(*testing.T, *browser, *watched)
}{
	{"home", browseHome},
	{"catalog", browseCatalog},
	{"lineage", browseLineage},
	{"lookup", browseLookup},
	{"report", browseReport},
	{"training", browseTraining},
	{"pipelines", browsePipelines},
	{"login", browseLogin},
}

// watched is a repository of StreamFlow that `asof serve --all` serves: January
// is online, February was refused, corrected and resumed.
type watched struct {
	dir  string
	root string            // the console's address
	at   map[string]string // host and port of each server
}

func watch(t *testing.T) *watched {
	t.Helper()
	w := &watched{dir: filepath.Join(t.TempDir(), "shop")}
	run(t, "asof", "init", w.dir, "-t", "streamflow")
	run(t, "asof", "-c", w.dir, "sample", "streamflow", "--out", "data/seeds", "--users", "50", "--months", "2")
	run(t, "asof", "-c", w.dir, "pipeline", "run", "ingest_month", "month=month_000", "as_of=2024-01-31")
	run(t, "asof", "-c", w.dir, "apply")
	run(t, "asof", "-c", w.dir, "materialize", "2024-01-01T00:00:00", "2024-02-01T00:00:00")
	mend := w.spoil(t, "usage_agg_30d.csv", 3, 2, "-1.5")
	if out, err := exec.Command("asof", "-c", w.dir, "pipeline", "run", "ingest_month", "month=month_001", "as_of=2024-02-29").CombinedOutput(); err == nil {
		t.Fatalf("February was to be refused:\n%s", out)
	}
	mend()
	var runs []struct{ Run string }
	if err := json.Unmarshal(run(t, "asof", "-c", w.dir, "pipeline", "runs", "--output", "json"), &runs); err != nil || len(runs) == 0 {
		t.Fatalf("runs %v, %v", runs, err)
	}
	run(t, "asof", "-c", w.dir, "pipeline", "resume", runs[0].Run)
	run(t, "asof", "-c", w.dir, "monitor", "run", "-g", "monthly")
	w.at = serve(t, w.dir, 6, "--all", "-p", "0", "--grpc-port", "0", "--registry-port", "0", "--rest-port", "0", "--offline-port", "0", "--ui-port", "0")
	w.root = "http://" + w.at["console"]
	return w
}

// spoil writes a text into a cell of February, counted from 1, and returns what
// puts the file back.
func (w *watched) spoil(t *testing.T, file string, line, column int, text string) func() {
	t.Helper()
	path := filepath.Join(w.dir, "data/seeds/month_001", file)
	right, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(data []byte) {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	lines := bytes.Split(right, []byte("\n"))
	cells := strings.Split(string(lines[line-1]), ",")
	cells[column-1] = text
	lines[line-1] = []byte(strings.Join(cells, ","))
	write(bytes.Join(lines, []byte("\n")))
	return func() { write(right) }
}

// TestConsole goes through the console of StreamFlow in Chromium: every page
// that a link leads to, in both languages, then each page with what it does.
func TestConsole(t *testing.T) {
	w, b := watch(t), newBrowser(t)
	for _, language := range []string{"en", "fr"} {
		if pages := b.crawl(t, w.root, language); pages < 12 {
			t.Errorf("%s: %d pages", language, pages)
		}
	}
	for _, page := range consoleTests {
		t.Run(page.page, func(t *testing.T) { page.test(t, b, w) })
	}
}

func browseLineage(t *testing.T, b *browser, w *watched) {
	b.open(t, w.root+"/lineage?focus=view/subs_profile_fv&theme=dark&lang=en", "en")
	b.open(t, w.root+"/lineage?theme=light", "en")
}

func browseCatalog(t *testing.T, b *browser, w *watched) {
	b.open(t, w.root+"/catalog?theme=dark&lang=fr", "fr")
	b.open(t, w.root+"/catalog/view/subs_profile_fv", "fr")
	b.open(t, w.root+"/catalog/feature/subs_profile_fv:monthly_fee", "fr")
	b.open(t, w.root+"/catalog/feature/subs_profile_fv:net_service?theme=light&lang=en", "en")
	b.open(t, w.root+"/catalog/view/subs_profile_fv", "en")
	var at, place string
	if err := b.do(chromedp.Navigate(w.root+"/catalog"), chromedp.KeyEvent("/"), leads(chromedp.SendKeys("#q", "montly_fee\r")),
		follow(`a[href="/catalog/view/subs_profile_fv"]`),
		chromedp.Location(&at), chromedp.Text("dl code", &place)); err != nil {
		t.Fatal(err)
	}
	if at != w.root+"/catalog/view/subs_profile_fv" || !strings.HasPrefix(place, "feature_views.py:") {
		t.Errorf("a search with a typo leads to %s, defined in %q", at, place)
	}
	var view struct {
		Ledger     []struct{ Written int }
		Code       []struct{ Text string }
		Statistics struct{ List []asof.Statistics }
	}
	if err := json.Unmarshal([]byte(fetch(t, w.root+"/catalog/view/subs_profile_fv?format=json", http.StatusOK)), &view); err != nil || len(view.Ledger) != 2 || view.Ledger[1].Written != 50 || len(view.Code) != 4 {
		t.Errorf("the JSON form is %+v, %v", view, err)
	}
	if list := view.Statistics.List; len(list) != 6 || list[0].Profile.Rows != 50 || list[0].From.Format("2006-01") != "2024-02" {
		t.Errorf("the statistics of the view are %+v", list)
	}
}
