package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/asof-dev/asof/storetest"
)

// browseLogin opens the same repository with an issuer of tokens: the browser is
// led there and back, what it does is recorded by its user's name, and it signs
// out.
func browseLogin(t *testing.T, b *browser, w *watched) {
	issuer := storetest.NewIssuer(t)
	settings, err := os.ReadFile(filepath.Join(w.dir, "feature_store.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	guarded := filepath.Join(w.dir, "signed_in.yaml")
	if err := os.WriteFile(guarded, append(settings, "auth:\n  type: oidc\n  auth_discovery_url: "+issuer.DiscoveryURL()+"\n  client_id: "+storetest.IssuerClient+"\n  client_secret: "+storetest.IssuerSecret+"\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	root := "http://" + serveBy(t, w.dir, 1, "-f", guarded, "ui", "-p", "0")["console"]
	fetch(t, root+"/catalog", http.StatusUnauthorized)
	var at, header, record string
	if err := b.do(chromedp.Navigate(root+"/training/new?lang=en"), chromedp.WaitVisible("#p"), chromedp.SendKeys("#p", "Zoë"), follow("button"),
		chromedp.WaitVisible("header form"), chromedp.Location(&at), chromedp.Text("header", &header)); err != nil {
		t.Fatal(err)
	}
	if at != root+"/training/new?lang=en" || !strings.Contains(header, "Zoë") {
		t.Errorf("signed in at %s, whose header says %q", at, header)
	}
	b.open(t, root+"/?lang=fr&theme=dark", "fr")
	b.open(t, root+"/training?lang=en&theme=light", "en")
	if err := b.do(chromedp.Navigate(root+"/training/new"), chromedp.Evaluate(`document.querySelector("main [name=name]").value = "signed-in"`, nil), follow("form.fields button.strong"),
		follow(`button[name="sure"][value="yes"]`), chromedp.WaitVisible(`main a[href^="/training/set/"]`),
		chromedp.Navigate(root+"/actions"), chromedp.Text("main", &record), follow("header form button"), chromedp.WaitVisible(`a[href="/login"]`)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(record, "Zoë") || !strings.Contains(record, "training set signed-in") {
		t.Errorf("the record says:\n%s", record)
	}
	b.open(t, root+"/logout", "en")
	if err := b.do(chromedp.Navigate(root+"/catalog"), chromedp.WaitVisible("#p"), chromedp.Location(&at)); err != nil || !strings.HasPrefix(at, issuer.URL()+"/authorize?") {
		t.Errorf("after signing out: %s, %v", at, err)
	}
}
