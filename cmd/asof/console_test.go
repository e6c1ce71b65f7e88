package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// pageBytes is how large a page may be.
const pageBytes = 300 << 10

// browser is a Chromium, and what its console has said.
type browser struct {
	ctx    context.Context
	said   []string
	status int64
	axe    string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	script := func(name string, args ...string) string {
		out, err := exec.Command("../../scripts/"+name, args...).Output()
		if err != nil {
			t.Fatalf("scripts/%s: %v", name, err)
		}
		return strings.TrimSpace(string(out))
	}
	script("need.sh", "chromium")
	axe, err := os.ReadFile(script("axe.sh"))
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.WindowSize(1200, 900))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx)
	t.Cleanup(end)
	ctx, late := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(late)
	b := &browser{ctx: ctx, axe: string(axe)}
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			b.said = append(b.said, e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			b.said = append(b.said, "console."+string(e.Type))
		case *log.EventEntryAdded:
			b.said = append(b.said, e.Entry.Text+" "+e.Entry.URL)
		case *network.EventResponseReceived:
			if e.Type == network.ResourceTypeDocument {
				b.status = e.Response.Status
			}
		}
	})
	if err := chromedp.Run(ctx, log.Enable(), network.Enable()); err != nil {
		t.Fatal(err)
	}
	return b
}

// open goes to a page and holds it against what every page has to be; it returns
// the page's links within the console.
func (b *browser) open(t *testing.T, address, language string) (links []string) {
	t.Helper()
	b.said = nil
	var found []string
	var size int
	var lang, title string
	err := chromedp.Run(b.ctx, chromedp.Navigate(address), chromedp.Evaluate(b.axe+";0", nil),
		chromedp.Evaluate(`axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]}).then(r => r.violations.map(v => v.id + ": " + v.nodes[0].html + " " + v.nodes[0].failureSummary))`, &found,
			func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
		chromedp.Evaluate(`[...document.querySelectorAll("a[href]")].map(a => typeof a.href === "string" ? a.href : new URL(a.href.baseVal, location).href)`, &links),
		chromedp.Evaluate(`new Blob([document.documentElement.outerHTML]).size`, &size),
		chromedp.Evaluate(`document.documentElement.lang`, &lang), chromedp.Title(&title))
	switch {
	case err != nil:
		t.Fatalf("%s: %v", address, err)
	case b.status != http.StatusOK || len(b.said) > 0 || len(found) > 0:
		t.Errorf("%s: status %d; console: %q; axe: %q", address, b.status, b.said, found)
	case size > pageBytes || lang != language || title == "":
		t.Errorf("%s: %d bytes, language %q, title %q", address, size, lang, title)
	}
	return links
}

// crawl opens every page that can be reached from the first one, but one of each
// search and switch: those only differ in what they list.
func (b *browser) crawl(t *testing.T, root, language string) (pages int) {
	seen := map[string]bool{}
	for next := []string{root + "/?lang=" + language}; len(next) > 0; next = next[1:] {
		address, _, _ := strings.Cut(next[0], "#")
		path, query, _ := strings.Cut(strings.TrimPrefix(address, root), "?")
		switched := strings.Contains(query, "lang=") || strings.Contains(query, "theme=") || strings.Contains(query, "format=")
		if !strings.HasPrefix(address, root) || seen[address] || switched && len(seen) > 0 {
			continue
		}
		feature := strings.HasPrefix(path, "/catalog/feature/") || strings.HasPrefix(query, "focus=feature")
		if kind, name, _ := strings.Cut(path+query, "feature"); feature && seen[kind] && name != "" {
			seen[address] = true
			holdStatus(t, address, http.StatusOK)
			continue
		} else if feature {
			seen[kind] = true
		}
		seen[address] = true
		pages++
		next = append(next, b.open(t, address, language)...)
	}
	return pages
}

func holdStatus(t *testing.T, address string, want int) {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != want {
		t.Errorf("%s: status %d, want %d", address, answer.StatusCode, want)
	}
}

// TestConsole goes through the console of StreamFlow in Chromium: every page, in
// both languages, in the light and in the dark.
func TestConsole(t *testing.T) {
	dir := shop(t)
	root := "http://" + serveBy(t, dir, 1, "ui", "-p", "0")["console"]
	b := newBrowser(t)
	for _, language := range []string{"en", "fr"} {
		if pages := b.crawl(t, root, language); pages < 20 {
			t.Errorf("%s: %d pages", language, pages)
		}
		b.open(t, root+"/catalog?theme=dark", language)
		b.open(t, root+"/lineage?focus=view/subs_profile_fv", language)
		b.open(t, root+"/catalog/view/subs_profile_fv?theme=light", language)
	}
	var at, place string
	if err := chromedp.Run(b.ctx, chromedp.Navigate(root+"/catalog"), chromedp.KeyEvent("/"), chromedp.SendKeys("#q", "montly_fee\r"),
		chromedp.WaitVisible(`a[href="/catalog/view/subs_profile_fv"]`), chromedp.Click(`a[href="/catalog/view/subs_profile_fv"]`), chromedp.WaitVisible("dl"),
		chromedp.Location(&at), chromedp.Text("dl code", &place)); err != nil {
		t.Fatal(err)
	}
	if at != root+"/catalog/view/subs_profile_fv" || !strings.HasPrefix(place, "feature_views.py:") {
		t.Errorf("a search with a typo leads to %s, defined in %q", at, place)
	}
	answer, err := http.Get(root + "/catalog/view/subs_profile_fv?format=json")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var view struct {
		Ledger []struct{ Written int }
		Code   []struct{ Text string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&view); err != nil || len(view.Ledger) != 1 || view.Ledger[0].Written != 50 || len(view.Code) != 4 {
		t.Errorf("the JSON form is %+v, %v", view, err)
	}
}
