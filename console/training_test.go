package console

import (
	"bytes"
	"context"
	"errors"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/receipt"
	"github.com/asof-dev/asof/storetest"
)

// trained is a console over the training sets of an empty folder.
func trained(t *testing.T, change func(*Options)) *Console {
	t.Helper()
	store := memory.NewOffline()
	t.Cleanup(func() { store.Close() })
	rows, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "user_id", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "at", Type: arrow.FixedWidthTypes.Date32, Nullable: true}, {Name: "fee", Type: arrow.PrimitiveTypes.Float64, Nullable: true}}, nil),
		strings.NewReader(`[{"user_id": "ann", "at": "2024-01-31", "fee": 45.25}, {"user_id": "bob", "at": "2024-01-31", "fee": null}]`))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Release()
	dir := t.TempDir()
	runs := memory.NewRuns()
	sets := &historical.Sets{Project: "p", Dir: dir, Folder: filepath.Join(dir, "data", "training"), Receipts: receipt.Folder(filepath.Join(dir, "data", "datasets")),
		Tables: func(context.Context) (map[string]string, error) { return nil, errors.New("the warehouse is away") }}
	t.Cleanup(sets.Jobs.Close)
	c := acting(t, runs, func(o *Options) {
		o.Training = sets
		if change != nil {
			change(o)
		}
	})
	snapshot, err := c.o.Registry.Snapshot(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	store.Put(snapshot.Sources()[0].Query, rows)
	sets.Ask = func(_ context.Context, r *historical.Request) error {
		r.Snapshot, r.Store, r.Dir, r.Version, r.Receipts = snapshot, store, dir, "1.0", sets.Receipts
		return nil
	}
	return c
}

// send posts a form with a file, as a browser does.
func send(t *testing.T, c *Console, address string, fields map[string]string, name, content string) (int, string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	cookie := strings.Repeat("x", 26)
	fields["token"] = c.protect.sign(cookie)
	for key, value := range fields {
		_ = form.WriteField(key, value)
	}
	part, _ := form.CreateFormFile("file", name)
	_, _ = part.Write([]byte(content))
	_ = form.Close()
	r := httptest.NewRequest(http.MethodPost, "http://localhost:8888"+address, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: tokenCookie, Value: cookie})
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// made makes a set out of two users and returns its ID.
func made(t *testing.T, c *Console, form url.Values) string {
	t.Helper()
	answer := post(c, "/training/new", form)
	at := answer.Header.Get("Location")
	if answer.StatusCode != http.StatusSeeOther || !strings.HasPrefix(at, "/training/job/") {
		t.Fatalf("%d %s", answer.StatusCode, text(answer))
	}
	for range 1000 {
		if job, err := c.o.Training.Jobs.Job(strings.TrimPrefix(at, "/training/job/")); err != nil || job.State == historical.JobFailed {
			t.Fatalf("%+v, %v", job, err)
		} else if job.State == historical.JobDone {
			return job.Set
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("the set is not made")
	return ""
}

// TestTrainingSetFromAnUpload: a file is checked first and made into a set by
// the second request; the set is listed, shown, handed out and made again.
func TestTrainingSetFromAnUpload(t *testing.T) {
	c := trained(t, nil)
	fields := map[string]string{"name": "churn", "service": "service view_0", "label": "churned", "rows": "day"}
	for content, want := range map[string]string{"user_id,event_timestamp\n": "no column &#34;churned&#34;", "": "the file is empty", "user,event_timestamp,churned\n": "no column &#34;user_id&#34;",
		"user_id,event_timestamp,churned\nann,soon,1\n": "not a time", "user_id,event_timestamp,monthly_fee,churned\n": "has the name of the feature"} {
		if status, page := send(t, c, "/training/new", fields, "rows.csv", content); status != http.StatusBadRequest || !strings.Contains(page, want) || strings.Contains(page, c.o.Training.Dir) {
			t.Errorf("%q: %d\n%s", content, status, page)
		}
	}
	if status, page := send(t, c, "/training/new", fields, "rows.pdf", "x"); status != http.StatusBadRequest || !strings.Contains(page, "send a .csv or .parquet file") {
		t.Errorf("another file: %d\n%s", status, page)
	}
	if status, _ := send(t, c, "/training/new", fields, "rows.csv", strings.Repeat("x", uploadBytes+mostForm)); status != http.StatusBadRequest {
		t.Errorf("a file that is too large: %d", status)
	}
	status, page := send(t, c, "/training/new", fields, evil+".csv", "user_id,event_timestamp,churned\nann,2024-02-01,1\nbob,2024-02-01,0\n\""+strings.ReplaceAll(evil, `"`, `""`)+"\",2024-02-01,0\n")
	if status != http.StatusOK || !strings.Contains(page, "Entity rows: 3, of the file") || strings.Contains(page, "<script>") || len(c.o.Training.Jobs.All()) > 0 {
		t.Fatalf("asked for once: %d\n%s", status, page)
	}
	_, id, _ := strings.Cut(page, `name="upload" value="`)
	id, _, _ = strings.Cut(id, `"`)
	set := made(t, c, sure("name", "churn", "service", "service view_0", "label", "churned", "rows", "file", "upload", id, "sent", "rows.csv"))
	if again := post(c, "/training/new", sure("name", "churn", "service", "service view_0", "rows", "file", "upload", id)); again.StatusCode == http.StatusSeeOther {
		t.Error("a file is used twice")
	}
	for address, want := range map[string]string{"/training": ">churn</a>", "/training/set/" + set: "<td>45.25</td>", "/training/job/" + c.o.Training.Jobs.All()[0].ID: "The training set is there.",
		"/training/set/" + set + "/reproduce": "its content is held against the receipt", "/training/new": "service view_0", "/training/set/" + set + "?lang=fr": "Télécharger en CSV"} {
		if status, page := get(c, address); status != http.StatusOK || !strings.Contains(page, want) || strings.Contains(page, "<script>") {
			t.Errorf("%s: %d\n%s", address, status, page)
		}
	}
	if _, csv := get(c, "/training/set/"+set+"/download?as=csv"); !strings.HasPrefix(csv, "user_id,event_timestamp,monthly_fee,churned\nann,2024-02-01,45.25,1\nbob,2024-02-01,,0\n") {
		t.Errorf("as CSV:\n%s", csv)
	}
	if status, parquet := get(c, "/training/set/"+set+"/download?as=parquet"); status != http.StatusOK || !strings.HasPrefix(parquet, "PAR1") {
		t.Errorf("as Parquet: %d", status)
	}
	again := post(c, "/training/set/"+set+"/reproduce", sure())
	events := "/live" + again.Header.Get("Location")
	if status, text := get(c, events); status != http.StatusOK || !strings.Contains(text, "event: end\n") || !strings.Contains(text, "The content is the same") {
		t.Errorf("%s: %d\n%s", events, status, text)
	}
	if list := recorded(t, mustRuns(t, c)); len(list) != 2 || list[0].What != "reproduce-set" || list[1].Who != "Zoë" || list[1].On != "training set churn" || list[1].Details["service"] != "service view_0" {
		t.Errorf("the record: %+v", list)
	}
	if err := os.Remove(filepath.Join(c.o.Training.Folder, "churn", historical.SetFile)); err != nil {
		t.Fatal(err)
	}
	if status, page := get(c, "/training/set/"+set); status != http.StatusOK || !strings.Contains(page, "gone") || strings.Contains(page, "download?as") {
		t.Errorf("a set whose file is gone: %d\n%s", status, page)
	}
}

func mustRuns(t *testing.T, c *Console) asof.RunStore {
	store, err := c.o.Runs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// TestTrainingAsksForPermission: who may not describe a view does not know of its
// sets; who may not read its history sees no rows, and of rows that SQL has
// chosen none without all sources.
func TestTrainingAsksForPermission(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	guard, err := permission.New(permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { guard.Close() })
	c := trained(t, nil)
	day := made(t, c, sure("name", "day", "features", "view_0:monthly_fee", "rows", "day", "day", "2024-02-01"))
	found, err := c.o.Training.Find(t.Context(), day)
	if err != nil {
		t.Fatal(err)
	}
	bySQL := *found.Receipt
	bySQL.ID, bySQL.Request.Entities = "20240101T000000Z-abcdef", receipt.Entities{SQL: "SELECT 'secret'"}
	if err := c.o.Training.Receipts.Keep(&bySQL); err != nil {
		t.Fatal(err)
	}
	var put []asof.Object
	for role, actions := range map[string][]core.PermissionSpec_AuthzedAction{"sees": {core.PermissionSpec_DESCRIBE}, "trains": {core.PermissionSpec_DESCRIBE, core.PermissionSpec_READ_OFFLINE}, "other": {core.PermissionSpec_READ_OFFLINE}} {
		stored, err := proto.Marshal(&core.Permission{Spec: &core.PermissionSpec{Name: role, Actions: actions, Types: []core.PermissionSpec_Type{core.PermissionSpec_FEATURE_VIEW},
			Policy: &core.Policy{PolicyType: &core.Policy_RoleBasedPolicy{RoleBasedPolicy: &core.RoleBasedPolicy{Roles: []string{role}}}}}})
		if err != nil {
			t.Fatal(err)
		}
		put = append(put, &asof.Opaque{Kind: asof.KindPermission, Name: role, Meta: asof.Meta{Stored: stored}})
	}
	if _, err := c.o.Registry.Apply(t.Context(), "p", asof.Change{Put: put}); err != nil {
		t.Fatal(err)
	}
	ask := c.o.Training.Ask
	c.o.Training.Ask = func(ctx context.Context, r *historical.Request) error {
		err := ask(ctx, r)
		r.Snapshot, _ = c.o.Registry.Snapshot(ctx, "p")
		return err
	}
	c.o.Guard, c.o.Training.Permit = guard, guard.Permit(permission.ReadOffline)
	for role, want := range map[string][4]int{"sees": {200, 200, 403, 403}, "trains": {200, 200, 200, 403}, "other": {200, 404, 404, 404}} {
		headers := []string{"Authorization", "Bearer " + issuer.Token(map[string]any{"roles": []string{role}})}
		var got [4]int
		var list, page string
		got[0], list = get(c, "/training", headers...)
		got[1], page = get(c, "/training/set/"+day, headers...)
		got[2], _ = get(c, "/training/set/"+day+"/download?as=csv", headers...)
		got[3], _ = get(c, "/training/set/"+bySQL.ID+"/reproduce", headers...)
		if got != want || strings.Contains(list, ">day</a>") != (role != "other") || strings.Contains(page, "<td>45.25</td>") != (role == "trains") {
			t.Errorf("%s: %v, want %v\n%s", role, got, want, page)
		}
		if _, text := get(c, "/training/set/"+bySQL.ID+"?format=json", headers...); strings.Contains(text, "secret") {
			t.Errorf("%s reads the SQL: %s", role, text)
		}
	}
}

// TestTrainingAddresses: no address leads to a file that no receipt names.
func TestTrainingAddresses(t *testing.T) {
	c := trained(t, nil)
	set := made(t, c, sure("name", "a", "features", "view_0:monthly_fee", "rows", "day", "day", "2024-02-01"))
	for address, want := range map[string]int{"/training/set/..%2F..%2Fsecret": 404, "/training/set/..%2F..%2Fsecret/download?as=csv": 404, "/training/set/" + set[:12] + "/download?as=csv": 404, "/training/set/" + set + "/download": 400,
		"/training/set/" + set + "/download?as=exe": 400, "/training/job/x": 404, "/live/training/job/x": 404, "/training/job/x/cancel": 404, "/training/set/x/reproduce": 404} {
		if status, page := get(c, address); status != want {
			t.Errorf("%s: %d, want %d\n%s", address, status, want, page)
		}
	}
	for name, form := range map[string]url.Values{"the name": sure("name", "../a", "features", "view_0:monthly_fee", "rows", "day", "day", "2024-02-01"),
		"the day": sure("name", "b", "features", "view_0:monthly_fee", "rows", "day", "day", "soon"), "the rows": sure("name", "b", "features", "view_0:monthly_fee", "rows", "snapshot:x:2024-02-01"),
		"the file": sure("name", "b", "features", "view_0:monthly_fee", "rows", "file", "upload", "../datasets/"+set+".json"), "the features": sure("name", "b", "features", "view_0:fee", "rows", "day", "day", "2024-02-01")} {
		if answer := post(c, "/training/new", form); answer.StatusCode < 400 || answer.StatusCode >= 500 {
			t.Errorf("a mistake in %s: %d\n%s", name, answer.StatusCode, text(answer))
		}
	}
	if status, page := get(opened(t, 1, nil), "/training"); status != http.StatusServiceUnavailable || !strings.Contains(page, "shows no training sets") {
		t.Errorf("without sets: %d", status)
	}
	away := trained(t, func(o *Options) { o.Local = false })
	if answer := post(away, "/training/new", sure("name", "a")); answer.StatusCode != http.StatusForbidden {
		t.Errorf("on an open console: %d", answer.StatusCode)
	}
}

// waiting is a store that answers when it is told to end.
type waiting struct {
	asof.OfflineStore
	asked chan struct{}
}

func (w *waiting) Historical(ctx context.Context, _ *asof.PointInTime) (array.RecordReader, error) {
	close(w.asked)
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestTrainingJobIsFollowed: while a set is made its page says so and is kept as
// it stands; it is cancelled by an action that is asked for twice, and the events
// end with it, or with the server.
func TestTrainingJobIsFollowed(t *testing.T) {
	stopping := make(chan struct{})
	c := trained(t, func(o *Options) { o.Stopping = stopping })
	ask, store := c.o.Training.Ask, &waiting{asked: make(chan struct{})}
	c.o.Training.Ask = func(ctx context.Context, r *historical.Request) error {
		err := ask(ctx, r)
		store.OfflineStore = r.Store
		r.Store = store
		return err
	}
	at := post(c, "/training/new", sure("name", "slow", "features", "view_0:monthly_fee", "rows", "day", "day", "2024-02-01")).Header.Get("Location")
	<-store.asked
	for address, want := range map[string]string{at + "?lang=fr": "en cours", at: `data-live="/live` + at + `?"`, "/training": ">slow</a>", at + "/cancel": "nothing of it is left"} {
		if status, page := get(c, address); status != http.StatusOK || !strings.Contains(page, want) {
			t.Errorf("%s: %d\n%s", address, status, page)
		}
	}
	followed := make(chan string)
	follow := func() {
		go func() {
			_, text := get(c, "/live"+at)
			followed <- text
		}()
	}
	follow()
	if first := post(c, at+"/cancel", url.Values{}); first.StatusCode != http.StatusOK || c.o.Training.Jobs.All()[0].State != historical.JobRunning {
		t.Errorf("asked for once: %d, %+v", first.StatusCode, c.o.Training.Jobs.All())
	}
	if second := post(c, at+"/cancel", sure()); second.StatusCode != http.StatusSeeOther {
		t.Errorf("cancelled: %d", second.StatusCode)
	}
	if text := <-followed; !strings.Contains(text, "event: end\n") || !strings.Contains(text, "cancelled") {
		t.Errorf("the events: %s", text)
	}
	if status, page := get(c, at); status != http.StatusOK || !strings.Contains(page, "cancelled") || strings.Contains(page, "data-live") {
		t.Errorf("after it: %d\n%s", status, page)
	}
	if left, _ := os.ReadDir(c.o.Training.Folder); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	store.asked = make(chan struct{})
	at = post(c, "/training/new", sure("name", "slow", "features", "view_0:monthly_fee", "rows", "day", "day", "2024-02-01")).Header.Get("Location")
	<-store.asked
	follow()
	time.AfterFunc(50*time.Millisecond, func() { close(stopping) })
	if text := <-followed; strings.Contains(text, "event: end") || !strings.Contains(text, "under way") {
		t.Errorf("the events of a server that stops: %s", text)
	}
}
