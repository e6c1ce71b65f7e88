package main

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
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
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.WindowSize(1200, 900), chromedp.WSURLReadTimeout(time.Minute))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx)
	t.Cleanup(end)
	ctx, late := context.WithTimeout(ctx, 5*time.Minute)
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

// do runs actions in the page, each again where the page, which follows what
// happens, has replaced a node between its being found and its being used.
func (b *browser) do(actions ...chromedp.Action) error {
	for i, action := range actions {
		actions[i] = steady(action)
	}
	return chromedp.Run(b.ctx, actions...)
}

func steady(action chromedp.Action) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		for late := time.Now().Add(10 * time.Second); ; {
			var gone *cdproto.Error
			if err := action.Do(ctx); !errors.As(err, &gone) || gone.Code != nodeGone || time.Now().After(late) {
				return err
			}
		}
	})
}

// nodeGone is Chromium's code for a node that is no longer in the page.
const nodeGone = -32000

// follow presses what a selector names and waits for the page that it leads to,
// so that nothing after it is read off the page before.
func follow(selector string) chromedp.Action { return leads(chromedp.Click(selector)) }

// leads runs an action and waits for the page that it leads to.
func leads(action chromedp.Action) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := chromedp.RunResponse(ctx, steady(action))
		return err
	})
}

// crawl opens every page that can be reached from the first one: of pages that
// only differ in the object that they show, and of searches, two; of the others
// it holds the status. It returns how many it has opened.
func (b *browser) crawl(t *testing.T, root, language string) (pages int) {
	seen, alike := map[string]bool{}, map[string]int{}
	for next := []string{root + "/?lang=" + language}; len(next) > 0; next = next[1:] {
		address, _, _ := strings.Cut(next[0], "#")
		path, query, _ := strings.Cut(strings.TrimPrefix(address, root), "?")
		switched := strings.Contains(query, "lang=") || strings.Contains(query, "theme=") || strings.Contains(query, "format=")
		if !strings.HasPrefix(address, root+"/") || seen[address] || switched && len(seen) > 0 {
			continue
		}
		seen[address] = true
		if shape := shapeOf(path, query); alike[shape] < 2 {
			alike[shape]++
			pages++
			next = append(next, b.open(t, address, language)...)
		} else {
			fetch(t, address, http.StatusOK)
		}
	}
	return pages
}

// shapeOf returns what pages that only differ in the object that they show have
// in common: the begin of the path, and of the query the names.
func shapeOf(path, query string) string {
	parts := strings.SplitN(path, "/", 4)
	if len(parts) > 3 {
		parts[3] = "*"
	}
	values, _ := url.ParseQuery(query)
	return strings.Join(parts, "/") + "?" + strings.Join(slices.Sorted(maps.Keys(values)), "&")
}
