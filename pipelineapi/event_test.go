package pipelineapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/pipelineapi"
	"github.com/asof-dev/asof/server"
	"github.com/asof-dev/asof/storetest"
)

// event is one of a stream.
type event struct{ id, name, data string }

// follow reads the events of a run from a real server into a channel, which is
// closed at their end.
func follow(t *testing.T, address, id, last string) <-chan event {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", address+"/runs/"+id+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		request.Header.Set("Last-Event-ID", last)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s", response.Status)
	}
	events := make(chan event, 1000)
	go func() {
		defer close(events)
		defer response.Body.Close()
		var e event
		for scan := bufio.NewScanner(response.Body); scan.Scan(); {
			field, value, _ := strings.Cut(scan.Text(), ": ")
			switch field {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				e.data = value
			case "":
				if e.name != "" {
					events <- e
				}
				e = event{}
			}
		}
	}()
	return events
}

// next returns the next event, in short; "end" at the end of the stream.
func next(t *testing.T, events <-chan event) string {
	t.Helper()
	select {
	case e, ok := <-events:
		if !ok {
			return "end"
		}
		var body struct {
			State, Text, Name, Error string
			Rows                     int
		}
		if err := json.Unmarshal([]byte(e.data), &body); err != nil {
			t.Fatalf("%+v: %v", e, err)
		}
		return strings.Join(strings.Fields(fmt.Sprint(e.id, " ", e.name, " ", body.Name, " ", body.State, " ", body.Text, " ", body.Error)), " ")
	case <-time.After(10 * time.Second):
		return "nothing"
	}
}

// serve serves the rig on a port until stop is called, which waits.
func serve(t *testing.T, h http.Handler, stopping func()) (address string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.HTTP(ctx, l, h, server.HTTPOptions{WriteTimeout: 500 * time.Millisecond}) }()
	return "http://" + l.Addr().String(), func() {
		stopping()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestEvents follows a run from waiting to its end, longer than an answer may
// otherwise take; a client that comes again misses nothing.
func TestEvents(t *testing.T) {
	r := newRig(t, nil)
	address, stop := serve(t, r, func() {})
	defer stop()
	id := r.entered(t, `{"parameters": {"as_of": "2024-01-31"}}`)
	events := follow(t, address, id, "")
	want := func(events <-chan event, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if got := next(t, events); got != text {
				t.Fatalf("got %q, want %q", got, text)
			}
		}
	}
	want(events, "run pending")
	time.Sleep(700 * time.Millisecond) // more than the server's WriteTimeout
	lease := r.work(t, id)
	for saw := map[string]bool{}; len(saw) < 4; { // the first look may come between two writes
		saw[next(t, events)] = true
		if saw["nothing"] || saw["end"] {
			t.Fatal(saw)
		}
		delete(saw, "run pending")
	}
	again := follow(t, address, id, "1")
	want(again, "2 line two", "step load users running", "run running")
	if err := r.store.Record(t.Context(), lease, asof.RunRunning, asof.RunStep{Name: "load users", Attempt: 1, State: asof.RunCompleted, Rows: 2}); err != nil {
		t.Fatal(err)
	}
	r.finish(t, lease, asof.RunFailed, "the file is wrong:\nline 2")
	for _, stream := range []<-chan event{events, again} {
		var got []string
		for e := next(t, stream); e != "end" && e != "nothing"; e = next(t, stream) {
			got = append(got, e)
		}
		if n := len(got); n < 2 || got[n-2] != "step load users completed" || got[n-1] != "run failed the file is wrong: line 2" {
			t.Errorf("%q", got)
		}
	}
	want(follow(t, address, id, "2"), "step load users completed", "run failed the file is wrong: line 2", "end")
}

// TestEventsAreBounded: more clients than the server takes on are refused; those
// that have gone make room; and a server that stops ends its streams.
func TestEventsAreBounded(t *testing.T) {
	stopping := make(chan struct{})
	r := newRig(t, func(o *pipelineapi.Options, _ *httpapi.Options) { o.Stopping = stopping })
	address, stop := serve(t, r, func() { close(stopping) })
	id := r.entered(t, `{}`)
	ctx, leave := context.WithCancel(t.Context())
	for range 64 {
		request, err := http.NewRequestWithContext(ctx, "GET", address+"/runs/"+id+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil || response.StatusCode != 200 {
			t.Fatal(response, err)
		}
		defer response.Body.Close()
	}
	if status, text := ask(t, r, "GET", "/runs/"+id+"/events", ""); status != 503 || !strings.Contains(text, "as it takes on") {
		t.Errorf("%d %s", status, text)
	}
	leave()
	deadline := time.Now().Add(10 * time.Second)
	for {
		response, err := http.Get(address + "/runs/" + id + "/events")
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode == 200 {
			defer response.Body.Close()
			break
		}
		response.Body.Close()
		if time.Now().After(deadline) {
			t.Fatal("clients that have gone hold their places")
		}
		time.Sleep(20 * time.Millisecond)
	}
	began := time.Now()
	stop()
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("stopping took %s", took)
	}
}

// TestPermissions: whoever may describe the project reads, whoever may update it
// runs pipelines, and others neither.
func TestPermissions(t *testing.T) {
	registry := memory.NewRegistry(nil)
	put := []asof.Object{&asof.Project{Name: project}}
	for role, action := range map[string]core.PermissionSpec_AuthzedAction{"reader": core.PermissionSpec_DESCRIBE, "runner": core.PermissionSpec_UPDATE} {
		stored, err := proto.Marshal(&core.Permission{Spec: &core.PermissionSpec{Name: role, Actions: []core.PermissionSpec_AuthzedAction{action}, Types: []core.PermissionSpec_Type{core.PermissionSpec_PROJECT},
			Policy: &core.Policy{PolicyType: &core.Policy_RoleBasedPolicy{RoleBasedPolicy: &core.RoleBasedPolicy{Roles: []string{role}}}}}})
		if err != nil {
			t.Fatal(err)
		}
		put = append(put, &asof.Opaque{Kind: asof.KindPermission, Name: role, Meta: asof.Meta{Stored: stored}})
	}
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: put}); err != nil {
		t.Fatal(err)
	}
	issuer := storetest.NewIssuer(t)
	guard, err := permission.New(permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL(), Audience: storetest.IssuerClient}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { guard.Close() })
	r := newRig(t, func(o *pipelineapi.Options, served *httpapi.Options) {
		o.Guard, served.Guard = guard, guard
		o.Snapshot = func(ctx context.Context) (*asof.Snapshot, error) { return registry.Snapshot(ctx, project) }
	})
	if _, _, err := r.store.Submit(t.Context(), asof.Run{ID: "one", Project: project, Pipeline: "month"}, asof.AgainNever); err != nil {
		t.Fatal(err)
	}
	token := func(roles ...string) string { return "Bearer " + issuer.Token(map[string]any{"roles": roles}) }
	reads := []string{"/pipelines", "/pipelines/month", "/pipelines/month/runs", "/runs", "/runs/one", "/runs/one/logs"}
	changes := []string{"/pipelines/month/runs", "/pipelines/month/backfill", "/pipelines/month/pause", "/pipelines/month/unpause", "/runs/one/cancel", "/runs/one/resume", "/runs/one/rollback"}
	for who, may := range map[string]struct{ read, change int }{"": {401, 401}, token(): {403, 403}, token("reader"): {200, 403}, token("runner"): {403, 200}} {
		check := func(method, target string, want int) {
			t.Helper()
			status, text := ask(t, r, method, target, `{}`, "Authorization", who)
			if status == 202 || status == 400 { // of an empty range: asked after the permission
				status = 200
			}
			if status != want {
				t.Errorf("%s %s by %.10q: %d %s, want %d", method, target, who, status, text, want)
			}
		}
		for _, target := range reads {
			check("GET", target, may.read)
		}
		for _, target := range changes {
			check("POST", target, may.change)
		}
		if may.read != 200 {
			check("GET", "/runs/one/events", may.read)
		}
	}
}
