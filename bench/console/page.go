package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// kind is a kind of page, with the addresses of many.
type kind struct {
	name    string
	address func(n int) string
}

// kinds are what the console has.
func kinds(o options, runs []string) []kind {
	view := func(n int) string { return viewName(n * 37 % o.views) }
	feature := func(n int) string { return fmt.Sprintf("%s:amount_%d", view(n), n%features) }
	focus := func(what string) string { return "/lineage?focus=" + url.QueryEscape(what) }
	always := func(address string) func(int) string { return func(int) string { return address } }
	filled := func(n int) string {
		return fmt.Sprintf("/lookup?view=%s&key.user_id=user_%d", viewName(n%min(online, o.views)), n%users)
	}
	return []kind{
		{"home", always("/")},
		{"home, a year ago", func(n int) string { return "/?until=" + monthEnd(n%months).Format("2006-01") }},
		{"catalog", always("/catalog")},
		{"catalog of a kind", func(n int) string { return "/catalog?kind=" + []string{"view", "feature", "source", "service"}[n%4] }},
		{"search", func(n int) string { return fmt.Sprintf("/catalog?q=product+%d", n*37%o.views) }},
		{"search with a typo", func(n int) string { return "/catalog?q=" + []string{"prodcut", "amuont", "blling", "taem_3"}[n%4] }},
		{"view", func(n int) string { return "/catalog/view/" + view(n) }},
		{"feature", func(n int) string { return "/catalog/feature/" + feature(n) }},
		{"source", func(n int) string { return fmt.Sprintf("/catalog/source/rows_%d", n%max(o.views/perSource, 1)) }},
		{"service", func(n int) string { return fmt.Sprintf("/catalog/service/model_%d", n%max(o.views/perTeam, 1)) }},
		{"entity", always("/catalog/entity/user")},
		{"lineage", always("/lineage")},
		{"lineage of a view", func(n int) string { return focus("view/" + view(n)) }},
		{"lineage of a column", func(n int) string { return focus("feature/" + feature(n)) }},
		{"look up", always("/lookup")},
		{"look up a key", func(n int) string { return filled(n) }},
		{"training sets", always("/training")},
		{"make a training set", always("/training/new")},
		{"pipelines", always("/pipelines")},
		{"pipeline", func(n int) string { return "/pipelines/" + pipelineName(n%pipelines) }},
		{"runs", always("/runs")},
		{"runs that failed", func(n int) string { return "/runs?state=failed&pipeline=" + pipelineName(n%pipelines) }},
		{"runs of a state that none is in", func(n int) string { return "/runs?state=late" }},
		{"run", func(n int) string { return "/runs/" + runs[n%len(runs)] }},
		{"run's log", func(n int) string { return "/runs/" + runs[n%len(runs)] + "/log" }},
		{"actions", always("/actions")},
		{"actions on a run", func(n int) string { return "/actions?on=" + url.QueryEscape("run "+runs[n%len(runs)]) }},
	}
}

// pages are the measurements of a kind.
type pages struct {
	kind  string
	took  []time.Duration
	bytes int // of the largest
}

var client = http.Client{Timeout: time.Minute}

// measure asks for pages of every kind, in turn, each in both languages. The
// time is that until the page is read whole.
func measure(o options, address string) ([]pages, error) {
	runs, err := newestRuns(address)
	if err != nil {
		return nil, err
	}
	all := kinds(o, runs)
	measured := make([]pages, len(all))
	for n := range o.pages {
		for _, language := range []string{"en", "fr"} {
			for i, k := range all {
				measured[i].kind = k.name
				if err := measured[i].ask(address+k.address(n), language); err != nil {
					return nil, err
				}
			}
		}
	}
	return measured, nil
}

// newestRuns returns the runs that the home page lists.
func newestRuns(address string) (ids []string, err error) {
	response, err := client.Get(address + "/?format=json")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var home struct {
		Runs struct{ Last []struct{ Run string } }
	}
	if err := json.NewDecoder(response.Body).Decode(&home); err != nil {
		return nil, err
	}
	for _, run := range home.Runs.Last {
		ids = append(ids, run.Run)
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("the home page lists no runs")
	}
	return ids, nil
}

func (p *pages) ask(address, language string) error {
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept-Language", language)
	began := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	p.took = append(p.took, time.Since(began))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %d\n%.500s", address, response.StatusCode, body)
	}
	p.bytes = max(p.bytes, len(body))
	return nil
}

// report prints a line for each kind, and returns what is not as it should be.
func report(measured []pages) error {
	row := func(name string, took []time.Duration, bytes int) {
		slices.Sort(took)
		at := func(share float64) float64 {
			return float64(took[int(share*float64(len(took)-1))]) / float64(time.Millisecond)
		}
		fmt.Printf("%-34s %8.1f %8.1f %8.1f %8.0f\n", name, at(.5), at(.95), at(.99), float64(bytes)/1024)
	}
	fmt.Printf("%-34s %8s %8s %8s %8s\n", "page", "p50 ms", "p95 ms", "p99 ms", "KB")
	var all []time.Duration
	largest := 0
	for _, p := range measured {
		row(p.kind, p.took, p.bytes)
		all, largest = append(all, p.took...), max(largest, p.bytes)
	}
	row("all", all, largest)
	soon, _ := slices.BinarySearch(all, within+1)
	fmt.Printf("%.1f of 100 pages within %s\n", 100*float64(soon)/float64(len(all)), within)
	switch {
	case soon*100 < share*len(all):
		return fmt.Errorf("%d of %d pages are there within %s, want %d of 100", soon, len(all), within, share)
	case largest > pageBytes:
		return fmt.Errorf("a page has %d bytes, want %d at most", largest, pageBytes)
	}
	return nil
}
