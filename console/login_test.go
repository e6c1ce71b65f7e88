package console

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/storetest"
)

// guarded is a served console whose callers an issuer knows.
func guarded(t *testing.T, issuer *storetest.Issuer, client string, change func(*Options)) (*Console, *httptest.Server) {
	t.Helper()
	guard, err := permission.New(permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL(), ClientID: storetest.IssuerClient, Audience: storetest.IssuerClient}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { guard.Close() })
	secret := ""
	if client == storetest.IssuerClient {
		secret = storetest.IssuerSecret
	}
	c := acting(t, memory.NewRuns(), func(o *Options) {
		o.Guard, o.Local, o.Login = guard, false, guard.Login(client, secret)
		o.Pipelines = pipelinesOf(t, nil)
		if change != nil {
			change(o)
		}
	})
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	return c, s
}

// visitor is a browser: it keeps cookies, follows redirects, and asks for pages.
type visitor struct {
	*http.Client
	t *testing.T
}

func visit(t *testing.T) *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{&http.Client{Jar: jar}, t}
}

func (v *visitor) ask(method, address string, form url.Values) (*http.Response, string) {
	v.t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := v.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return answer, string(text)
}

// signIn opens a page and signs in at the issuer that it leads to.
func (v *visitor) signIn(page, person string) (*http.Response, string) {
	v.t.Helper()
	at, text := v.ask(http.MethodGet, page, nil)
	if at.StatusCode != http.StatusOK || at.Request.URL.Path != "/authorize" {
		v.t.Fatalf("%s leads to %s: %d\n%s", page, at.Request.URL, at.StatusCode, text)
	}
	return v.ask(http.MethodPost, at.Request.URL.String(), url.Values{"person": {person}})
}

var formToken = regexp.MustCompile(`name="token" value="([0-9a-f]+)"`)

// TestPeopleSignInByABrowser: a browser without a token is led to the issuer and
// back to the page that it had asked for; who has signed in is shown, recorded
// and can sign out.
func TestPeopleSignInByABrowser(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	for name, client := range map[string]string{"with a secret": storetest.IssuerClient, "of the browser's": storetest.IssuerBrowser} {
		t.Run(name, func(t *testing.T) {
			c, s := guarded(t, issuer, client, nil)
			v := visit(t)
			at, page := v.signIn(s.URL+"/catalog?q=fee&lang=fr", "Zoë")
			if at.StatusCode != http.StatusOK || at.Request.URL.String() != s.URL+"/catalog?q=fee&lang=fr" || !strings.Contains(page, "<span>Zoë</span>") || !strings.Contains(page, "Se déconnecter") {
				t.Fatalf("%s: %d\n%s", at.Request.URL, at.StatusCode, page)
			}
			run := submitted(t, mustRuns(t, c), asof.Run{Pipeline: "month"})
			_, page = v.ask(http.MethodGet, s.URL+"/runs/"+run.ID+"/cancel?lang=en", nil)
			tokens := formToken.FindAllStringSubmatch(page, -1)
			if len(tokens) != 2 || tokens[0][1] != tokens[1][1] {
				t.Fatalf("tokens of forms: %v", tokens)
			}
			if at, page := v.ask(http.MethodPost, s.URL+"/runs/"+run.ID+"/cancel", url.Values{"token": {tokens[0][1]}, "sure": {"yes"}}); at.Request.URL.Path != "/runs/"+run.ID { // where it leads when it is done
				t.Errorf("an action: %s %d\n%s", at.Request.URL, at.StatusCode, page)
			}
			if list := recorded(t, mustRuns(t, c)); len(list) != 1 || list[0].Who != "Zoë" {
				t.Errorf("the record: %+v", list)
			}
			if at, page := v.ask(http.MethodPost, s.URL+"/logout", nil); at.StatusCode != http.StatusForbidden {
				t.Errorf("signed out without a token of a form: %d\n%s", at.StatusCode, page)
			}
			at, page = v.ask(http.MethodPost, s.URL+"/logout", url.Values{"token": {tokens[0][1]}})
			if at.StatusCode != http.StatusOK || !strings.Contains(page, "You are signed out") || !strings.Contains(page, issuer.URL()+"/end?client_id="+client) || len(c.sessions.list) != 0 {
				t.Errorf("signed out: %d\n%s", at.StatusCode, page)
			}
			if at, _ := v.ask(http.MethodGet, s.URL+"/catalog", nil); at.Request.URL.Path != "/authorize" {
				t.Errorf("after signing out: %s", at.Request.URL)
			}
		})
	}
}

// TestProgramsAreNotLedAway: what asks for no page gets 401, and tokens in
// headers count as ever.
func TestProgramsAreNotLedAway(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	c, _ := guarded(t, issuer, storetest.IssuerClient, nil)
	html, token := "text/html,*/*", "Bearer "+issuer.Token(nil)
	for name, headers := range map[string][]string{"JSON": {"Accept", "application/json"}, "anything": {"Accept", "*/*"}, "events": {"Accept", "text/event-stream"},
		"a bad token": {"Accept", html, "Authorization", "Bearer x"}} {
		if status, page := get(c, "/catalog", headers...); status != http.StatusUnauthorized {
			t.Errorf("%s: %d\n%s", name, status, page)
		}
	}
	if status, _ := get(c, "/catalog?format=json", "Accept", html); status != http.StatusUnauthorized {
		t.Errorf("the JSON form: %d", status)
	}
	if status, page := get(c, "/catalog", "Accept", html, "Authorization", token); status != http.StatusOK || strings.Contains(page, "/logout") {
		t.Errorf("with a token: %d\n%s", status, page)
	}
	if status, _ := get(c, "/catalog", "Accept", html, "Authorization", "Basic eDp5", "Cookie", sessionCookie+"=x"); status != http.StatusFound {
		t.Errorf("with a password for a proxy, and a session that is over: %d", status)
	}
	answer := post(c, "/training/new", sure())
	if page := text(answer); answer.StatusCode != http.StatusUnauthorized || answer.Header.Get("Location") != "" {
		t.Errorf("an action without a session: %d\n%s", answer.StatusCode, page)
	}
	issuer.Down.Store(true)
	away, _ := guarded(t, issuer, storetest.IssuerClient, nil)
	if status, page := get(away, "/catalog", "Accept", html); status != http.StatusServiceUnavailable || !strings.Contains(page, "the issuer of tokens answers 503") {
		t.Errorf("while the issuer is away: %d\n%s", status, page)
	}
}

// TestSignInsThatAreRefused: answers of the issuer that are not for this
// browser, and people whom it does not know.
func TestSignInsThatAreRefused(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	issuer.People = map[string]map[string]any{"ann": {}, "late": {"exp": time.Now().Add(-time.Minute).Unix()}, "elsewhere": {"iss": "https://evil.example"}}
	c, s := guarded(t, issuer, storetest.IssuerClient, nil)
	for person, want := range map[string]string{"eve": "access_denied", "late": "the ID token is not of this issuer", "elsewhere": "the ID token is not of this issuer"} {
		at, page := visit(t).signIn(s.URL+"/", person)
		if at.StatusCode != http.StatusUnauthorized || !strings.Contains(page, want) || !strings.Contains(page, `href="/login?to=%2F"`) {
			t.Errorf("%s: %d\n%s", person, at.StatusCode, page)
		}
	}
	v := visit(t)
	v.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == callbackPath {
			return http.ErrUseLastResponse
		}
		return nil
	}
	at, _ := v.signIn(s.URL+"/catalog", "ann")
	back := at.Header.Get("Location")
	for name, ask := range map[string]func() (*http.Response, string){
		"another browser": func() (*http.Response, string) { return visit(t).ask(http.MethodGet, back, nil) },
		"another state": func() (*http.Response, string) {
			return v.ask(http.MethodGet, strings.Replace(back, "state=", "state=x", 1), nil)
		},
	} {
		if at, page := ask(); at.StatusCode != http.StatusUnauthorized || !strings.Contains(page, "it was not begun in this browser") {
			t.Errorf("%s: %d\n%s", name, at.StatusCode, page)
		}
	}
	if at, page := v.ask(http.MethodGet, back, nil); at.StatusCode != http.StatusUnauthorized { // the cookie is gone with the first try
		t.Errorf("once more: %d\n%s", at.StatusCode, page)
	}
	if len(c.sessions.list) != 0 {
		t.Errorf("%d sessions", len(c.sessions.list))
	}
}

// TestSessionsEnd with their tokens, when their number is reached, and when the
// issuer withdraws its key; tokens that are no JSON Web Tokens are not needed.
func TestSessionsEnd(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	issuer.Opaque.Store(true)
	c, s := guarded(t, issuer, storetest.IssuerClient, func(o *Options) { o.RootPath, o.URL = "/asof", "" })
	v := visit(t)
	if at, page := v.signIn(s.URL+"/asof/catalog", "ann"); at.StatusCode != http.StatusOK || at.Request.URL.Path != "/asof/catalog" {
		t.Fatalf("%s: %d\n%s", at.Request.URL, at.StatusCode, page)
	}
	for _, one := range c.sessions.list {
		if left := time.Until(one.Expires); left < 55*time.Minute || left > time.Hour {
			t.Errorf("the session lasts %s", left)
		}
		one.Expires = time.Now()
	}
	if at, _ := v.ask(http.MethodGet, s.URL+"/asof/catalog", nil); at.Request.URL.Path != "/authorize" {
		t.Errorf("after the session: %s", at.Request.URL)
	}
	var many sessions
	first := many.open(&permission.Session{Name: "first", Expires: time.Now().Add(time.Minute)})
	for range mostSessions {
		many.open(&permission.Session{Expires: time.Now().Add(100 * time.Hour)})
	}
	if len(many.list) != mostSessions || many.get(first) != nil {
		t.Errorf("%d sessions are kept, %v", len(many.list), many.get(first))
	}
}

// TestSignInLeadsNowhereElse: back to a page of the console alone, by cookies
// that scripts don't see, for TLS behind a proxy too.
func TestSignInLeadsNowhereElse(t *testing.T) {
	for to, want := range map[string]string{"/catalog?q=a": "/catalog?q=a", "": "/", "//evil.example": "/", `/\evil.example`: "/", "https://evil.example": "/", "javascript:x": "/", "/\t/evil.example": "/", "catalog": "/"} {
		if got := ownPage(to); got != want {
			t.Errorf("%q leads to %q", to, got)
		}
	}
	issuer := storetest.NewIssuer(t)
	for _, o := range []struct {
		url, proto, want string
	}{{"", "", "http://localhost/asof/login/callback"}, {"", "https", "https://localhost/asof/login/callback"}, {"https://features.example.com/asof/", "", "https://features.example.com/asof/login/callback"}} {
		c, _ := guarded(t, issuer, storetest.IssuerClient, func(p *Options) { p.RootPath, p.URL = "/asof", o.url })
		r := httptest.NewRequest(http.MethodGet, "http://localhost/asof/catalog", nil)
		r.Header.Set("Accept", "text/html")
		r.Header.Set("X-Forwarded-Proto", o.proto)
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		at, err := url.Parse(w.Header().Get("Location"))
		if err != nil || at.Query().Get("redirect_uri") != o.want {
			t.Errorf("%+v: led to %s", o, at)
		}
		cookie := w.Result().Cookies()[0]
		if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure != strings.HasPrefix(o.want, "https") || cookie.Path != "/asof/" || strings.Contains(cookie.Value, at.Query().Get("state")) {
			t.Errorf("%+v: the cookie is %+v", o, cookie)
		}
	}
}
