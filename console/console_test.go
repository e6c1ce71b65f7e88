package console

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
)

// evil is a text that is dangerous where it is not escaped.
const evil = `<script>alert("x")</script>'&`

// opened is a console over a registry of so many views, one source and one
// service for each.
func opened(t *testing.T, views int, change func(*Options)) *Console {
	t.Helper()
	source := &asof.DataSource{Name: "rows", Kind: asof.SourcePostgres, Query: "SELECT '" + evil + "'", TimestampField: "at", FieldMapping: map[string]string{"fee": "monthly_fee"}}
	objects := []asof.Object{&asof.Project{Name: "p"}, &asof.Entity{Name: "user", JoinKey: "user_id"}, source}
	for i := range views {
		name := fmt.Sprintf("view_%d", i)
		features := []asof.Field{{Name: "monthly_fee", Type: asof.Type{Value: asof.TypeFloat64}, Description: evil}}
		objects = append(objects, &asof.FeatureView{Name: name, Kind: asof.ViewPlain, Entities: []string{"user"}, EntityColumns: []asof.Field{{Name: "user_id", Type: asof.Type{Value: asof.TypeString}}},
			Features: features, Source: source, Online: true, Enabled: true, Owner: "ann", Tags: map[string]string{"team": evil}},
			&asof.FeatureService{Name: "service " + name, Projections: []asof.Projection{{View: name, Features: features}}})
	}
	registry := memory.NewRegistry(time.Now)
	if _, err := registry.Apply(context.Background(), "p", asof.Change{Put: objects}); err != nil {
		t.Fatal(err)
	}
	ledger := memory.NewLedger()
	o := Options{Project: "p", Registry: registry, Ledger: func(context.Context) (asof.Ledger, error) { return ledger, nil }, Local: true}
	if change != nil {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(c http.Handler, address string, headers ...string) (int, string) {
	r := httptest.NewRequest(http.MethodGet, "http://localhost"+address, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// dataOf reads the JSON form of a page.
func dataOf[T any](t *testing.T, c http.Handler, address string) (data T) {
	t.Helper()
	status, text := get(c, address, "Accept", "application/json")
	if err := json.Unmarshal([]byte(text), &data); status != http.StatusOK || err != nil {
		t.Fatalf("%s: %d, %v\n%s", address, status, err, text)
	}
	return data
}

// TestTextsAreComplete: each language has the same texts with the same
// arguments, and those that templates name.
func TestTextsAreComplete(t *testing.T) {
	languages, err := loadLanguages()
	if err != nil {
		t.Fatal(err)
	}
	english := languages[0].texts
	for _, l := range languages {
		for _, key := range slices.Sorted(maps.Keys(l.texts)) {
			if other, ok := english[key]; !ok || strings.Count(other, "%") != strings.Count(l.texts[key], "%") {
				t.Errorf("text/%s.txt: %s differs from the English text %q", l.code, key, other)
			}
		}
		if len(l.texts) != len(english) {
			t.Errorf("text/%s.txt has %d texts, English %d", l.code, len(l.texts), len(english))
		}
	}
	pages, _ := fs.Glob(files, "page/*.html")
	sources, _ := filepath.Glob("*.go")
	for _, name := range slices.Concat(pages, sources) {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\bt "([^"]+)"|\bsay\("([^"]+)"[,)]`).FindAllStringSubmatch(string(page), -1) {
			if english[m[1]+m[2]] == "" {
				t.Errorf("%s: no text %q", name, m[1]+m[2])
			}
		}
	}
}

// TestEverythingIsEscaped looks for what a user typed in every form of a page.
func TestEverythingIsEscaped(t *testing.T) {
	c := opened(t, 2, nil)
	for _, address := range []string{"/catalog", "/catalog?q=" + url.QueryEscape(evil), "/catalog/view/view_0", "/catalog/source/rows", "/catalog/service/service%20view_0", "/catalog/entity/user",
		"/catalog/feature/view_0:monthly_fee", "/lineage", "/lineage?focus=view/view_0", "/lineage?q=" + url.QueryEscape(evil)} {
		for _, language := range []string{"fr", "en-GB"} {
			status, page := get(c, address, "Accept-Language", language)
			if status != http.StatusOK || strings.Contains(page, "<script>") || !strings.Contains(page, `lang="`+language[:2]+`"`) {
				t.Errorf("%s in %s: %d\n%s", address, language, status, page)
			}
		}
		if status, text := get(c, address, "Accept", "application/json"); status != http.StatusOK || !strings.HasPrefix(text, "{") {
			t.Errorf("%s as JSON: %d %s", address, status, text)
		}
	}
	for address, want := range map[string]string{"/catalog/view/vew_0": "did you mean", "/lineage?focus=view/none": "the lineage has no", "/none": "there is no page", "/catalog/" + url.PathEscape(evil) + "/x": "the catalog has no"} {
		if status, page := get(c, address); status != http.StatusNotFound || !strings.Contains(page, want) || strings.Contains(page, "<script>") {
			t.Errorf("%s: %d\n%s", address, status, page)
		}
	}
}

// TestSearchForgivesTypos by name, tag, owner and column.
func TestSearchForgivesTypos(t *testing.T) {
	v := &asof.FeatureView{Name: "subs_profile_fv", Owner: "mlops", Tags: map[string]string{"tier": "gold"}, Features: []asof.Field{{Name: "monthly_fee"}}}
	entries := entriesOf(asof.NewSnapshot("1", time.Time{}, []asof.Object{v, &asof.FeatureView{Name: "usage_fv", Features: []asof.Field{{Name: "watch_hours_30d"}}}}))
	for query, want := range map[string]string{"subs_profile_fv": "subs_profile_fv", "subs_profle_fv": "subs_profile_fv", "PROFILE": "subs_profile_fv", "mlpos": "subs_profile_fv", "wathc_huors": "usage_fv:watch_hours_30d", "usgae": "usage_fv", "glod": "subs_profile_fv", "subs_rpoflie": "", "mlop": "subs_profile_fv",
		"gold": "subs_profile_fv", "montly_fee": "subs_profile_fv", "wach_hours": "usage_fv:watch_hours_30d", "wach_fees": "", "usage gold": "", "zzz": "",
		"watchours": "usage_fv:watch_hours_30d", "watch hours": "usage_fv:watch_hours_30d", "watch-hours": "usage_fv:watch_hours_30d", "wach.huors": "usage_fv:watch_hours_30d", "HOURS30d": "usage_fv:watch_hours_30d", "watch_hors30d": "usage_fv",
		"monthlyfee": "subs_profile_fv", "monthly/fee": "subs_profile_fv", "subsprofile": "subs_profile_fv", "subs-profilefv": "subs_profile_fv", "usagewatch": "", "feewatch": "", "___": "", "-": ""} {
		got := ""
		if found := search(entries, query); len(found) > 0 {
			got = found[0].Name
		}
		if got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
}

// TestSearchRanks: what is written as it was asked comes before what is written
// with other separators, and that before what is mistyped too.
func TestSearchRanks(t *testing.T) {
	names := []string{"a_watch_hurs", "b_watch_hours_30d", "watch-hours", "watch_hours", "watchhours", "watchhours_30d", "durée_d_écoute", "देखने_के_घंटे", "द_खन_क", strings.Repeat("é_", 500)}
	var fields []asof.Field
	for _, name := range names {
		fields = append(fields, asof.Field{Name: name})
	}
	entries := entriesOf(asof.NewSnapshot("1", time.Time{}, []asof.Object{&asof.FeatureView{Name: "v", Features: fields}}))
	for query, want := range map[string]string{
		"watchhours":    "watchhours watchhours_30d b_watch_hours_30d watch-hours watch_hours a_watch_hurs",
		"watch_hours":   "watch_hours b_watch_hours_30d watch-hours watchhours watchhours_30d a_watch_hurs",
		"watch-hours":   "watch-hours b_watch_hours_30d watch_hours watchhours watchhours_30d a_watch_hurs",
		"duréedécoute":  "durée_d_écoute",
		"durée-découte": "durée_d_écoute",
		"duredécoute":   "durée_d_écoute",
		"देखनेके":       "देखने_के_घंटे",
		"éééé":          strings.Repeat("é_", 500),
	} {
		var got []string
		for _, e := range search(entries, query) {
			if e.Kind == featureKind {
				got = append(got, strings.TrimPrefix(e.Name, "v:"))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q finds\n%q, want\n%q", query, got, want)
		}
	}
}

// TestActionsAreProtected sends what would change something from wrong places.
func TestActionsAreProtected(t *testing.T) {
	c := opened(t, 1, nil)
	cookie := strings.Repeat("x", 26)
	post := func(c *Console, host, token string, headers ...string) int {
		r := httptest.NewRequest(http.MethodPost, "http://"+host+"/catalog", strings.NewReader("token="+token))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(&http.Cookie{Name: tokenCookie, Value: cookie})
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		io.Copy(io.Discard, w.Body)
		return w.Code
	}
	token, own := c.protect.sign(cookie), []string{"Sec-Fetch-Site", "same-origin"}
	if got := post(c, "localhost:8888", token, own...); got != http.StatusMethodNotAllowed { // the catalog has no action
		t.Errorf("an action of the console's own page: %d", got)
	}
	away := opened(t, 1, func(o *Options) { o.Local = false })
	for name, got := range map[string]int{"a wrong token": post(c, "localhost", "x", own...), "another site": post(c, "localhost", token, "Sec-Fetch-Site", "cross-site"),
		"another origin": post(c, "localhost", token, "Origin", "https://example.com"), "a name that leads here": post(c, "example.com", token, own...),
		"an open console": post(away, "localhost", away.protect.sign(cookie), own...)} {
		if got != http.StatusForbidden {
			t.Errorf("%s: %d", name, got)
		}
	}
}

// TestOtherNamesAreNotAnswered: a site whose name leads to this machine reads
// nothing, and an address that is configured does.
func TestOtherNamesAreNotAnswered(t *testing.T) {
	status := func(c *Console, host string) int {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://"+host+"/catalog", nil))
		return w.Code
	}
	own := opened(t, 1, func(o *Options) { o.URL = "https://features.example.com/asof" })
	away := opened(t, 1, func(o *Options) { o.Local = false })
	for name, got := range map[string][2]int{"a site's name": {status(own, "evil.example:8888"), 403}, "localhost": {status(own, "localhost:8888"), 200}, "an address": {status(own, "[::1]:8888"), 200},
		"the configured one": {status(own, "features.example.com"), 200}, "a console for other machines": {status(away, "host.example:8888"), 200}} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, want %d", name, got[0], got[1])
		}
	}
}

// TestManyObjects: pages stay small, and lineage keeps its layout until the
// registry changes.
func TestManyObjects(t *testing.T) {
	c := opened(t, 2000, func(o *Options) { o.RootPath = "asof/" })
	for _, address := range []string{"/asof/lineage", "/lineage", "/catalog", "/catalog/source/rows"} {
		if status, page := get(c, address); status != http.StatusOK || len(page) > 300<<10 || !strings.Contains(page, `href="/asof/catalog`) {
			t.Errorf("%s: %d, %d bytes", address, status, len(page))
		}
	}
	kept := c.views.kept[""]
	if get(c, "/lineage"); kept == nil || c.views.kept[""] != kept {
		t.Error("the lineage of the same registry is worked out again")
	}
	if _, err := c.o.Registry.Apply(context.Background(), "p", asof.Change{Put: []asof.Object{&asof.Entity{Name: "new", JoinKey: "new_id"}}}); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(c, "/catalog/entity/new"); status != http.StatusOK {
		t.Errorf("what was applied is not seen: %d", status)
	}
}
