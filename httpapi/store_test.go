package httpapi_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/redis"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/storetest"
)

// behindGate serves the project of streamflow from a real server's store behind
// a gate.
func behindGate(t *testing.T, open func(t *testing.T) (*storetest.Gate, asof.OnlineStore), o httpapi.Options) (*storetest.Gate, *httptest.Server) {
	t.Helper()
	registry, _ := streamflow(t)
	g, store := open(t)
	write(t, store, subscriptions, `[{"user_id": "3413-BMNZE", "event_timestamp": "2024-01-31T00:00:00Z", "months_active": 1}]`)
	o.Reader = newReader(t, registry, store)
	server := httptest.NewServer(httpapi.New(o))
	t.Cleanup(server.Close)
	return g, server
}

func postgresBehindGate(t *testing.T) (*storetest.Gate, asof.OnlineStore) {
	t.Helper()
	d := storetest.Postgres(t).Database(t)
	g := storetest.NewGate(t, net.JoinHostPort(d.Host, strconv.Itoa(d.Port)))
	db, err := postgres.Open(t.Context(), postgres.Config{Host: d.Host, Port: g.Port(), Database: d.Name, User: d.User, Password: d.Password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	store, err := db.Online(3)
	if err != nil {
		t.Fatal(err)
	}
	return g, store
}

func redisBehindGate(t *testing.T) (*storetest.Gate, asof.OnlineStore) {
	t.Helper()
	d := storetest.Redis(t).Database(t)
	g := storetest.NewGate(t, d.Addr())
	d.Port = g.Port()
	store, _, err := redis.OpenOnline(redis.Config{Connection: d.Connection(), KeyVersion: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return g, store
}

type got struct {
	status     int
	body       string
	retryAfter string
	took       time.Duration
}

func get(ctx context.Context, url string) (got, error) {
	started := time.Now()
	request, err := http.NewRequestWithContext(ctx, "GET", url, http.NoBody)
	if err != nil {
		return got{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return got{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return got{response.StatusCode, string(body), response.Header.Get("Retry-After"), time.Since(started)}, err
}

const whole = `{"user_id":"3413-BMNZE","features":{"months_active":1,"monthly_fee":null,"paperless_billing":null,"net_service":null}}`

// TestStoreGoesAwayUnderLoad shuts the store off while requests come: each gets
// the whole answer or a 503 with the reason, soon, and all is well again once
// the store is back.
func TestStoreGoesAwayUnderLoad(t *testing.T) {
	for name, open := range map[string]func(*testing.T) (*storetest.Gate, asof.OnlineStore){"PostgreSQL": postgresBehindGate, "Redis": redisBehindGate} {
		t.Run(name, func(t *testing.T) { goesAway(t, name, open) })
	}
}

func goesAway(t *testing.T, name string, open func(*testing.T) (*storetest.Gate, asof.OnlineStore)) {
	const timeout = 400 * time.Millisecond
	g, server := behindGate(t, open, httpapi.Options{Timeout: timeout})
	defer http.DefaultClient.CloseIdleConnections()
	var good, refused atomic.Int64
	stop := make(chan struct{})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				a, err := get(context.Background(), server.URL+"/features/3413-BMNZE")
				switch {
				case err != nil:
					t.Error(err)
				case a.status == 200 && a.body == whole:
					good.Add(1)
				case a.status == 503 && a.retryAfter == "1" && strings.HasPrefix(a.body, `{"detail":"`) && (strings.Contains(a.body, name+" at") || strings.Contains(a.body, "did not answer in time")):
					refused.Add(1)
				default:
					t.Errorf("%d, Retry-After %q: %s", a.status, a.retryAfter, a.body)
				}
				if a.took > timeout+5*time.Second {
					t.Errorf("an answer took %s", a.took)
				}
			}
		})
	}
	more := func(what string, count *atomic.Int64) {
		t.Helper()
		before := count.Load()
		for end := time.Now().Add(20 * time.Second); count.Load() < before+20; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: %d whole answers, %d refused", what, good.Load(), refused.Load())
			}
		}
	}
	expect := func(route string, status int) {
		t.Helper()
		if a, err := get(t.Context(), server.URL+route); err != nil || a.status != status {
			t.Errorf("%s: %d %s, %v; want %d", route, a.status, a.body, err, status)
		}
	}
	more("at first", &good)
	expect("/ready", 200)
	g.Shut()
	more("without the store", &refused)
	expect("/health", 200)
	expect("/ready", 503)
	g.Open()
	more("with the store again", &good)
	expect("/ready", 200)
	g.Slow(2 * timeout)
	more("with a slow store", &refused)
	expect("/health", 200)
	expect("/ready", 503)
	g.Slow(0)
	more("with a fast store again", &good)
	close(stop)
	group.Wait()
}

// TestTooMuchAtOnce fills a server whose store is slow: what is too much is
// refused at once.
func TestTooMuchAtOnce(t *testing.T) {
	registry, store := streamflow(t)
	held := &holding{OnlineStore: store, release: make(chan struct{})}
	h := httpapi.New(httpapi.Options{Reader: newReader(t, registry, held), Load: serving.NewReadLoad(4)})
	var group sync.WaitGroup
	send := func(body string) {
		group.Go(func() {
			if status, got := ask(t, h, "POST", "/get-online-features", body); status != 200 {
				t.Errorf("%d %s", status, got)
			}
		})
	}
	send(oneUser)
	send(oneUser)
	held.wait(2)
	of200 := strings.Replace(oneUser, `"3413-BMNZE"`, strings.TrimSuffix(strings.Repeat(`"x",`, 200), ","), 1)
	for _, c := range [][3]string{{"POST", "/get-online-features", of200}, {"GET", "/features?" + strings.Repeat("user_id=x&", 200), ""}} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c[0], c[1], strings.NewReader(c[2])))
		if w.Code != 503 || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), "at its limit of 4 requests at once") {
			t.Errorf("%s: %d %s", c[1], w.Code, w.Body)
		}
	}
	send(oneUser) // a light one still has room
	held.wait(3)
	close(held.release)
	group.Wait()
	of1000 := strings.Replace(oneUser, `"3413-BMNZE"`, strings.TrimSuffix(strings.Repeat(`"x",`, 1000), ","), 1)
	if status, got := ask(t, h, "POST", "/get-online-features", of1000); status != 200 {
		t.Errorf("a heavy one alone: %d %s", status, got)
	}
}

// holding is a store whose reads wait.
type holding struct {
	asof.OnlineStore
	reading atomic.Int64
	release chan struct{}
}

func (h *holding) Read(ctx context.Context, project string, readings []*asof.Reading) error {
	h.reading.Add(1)
	<-h.release
	return h.OnlineStore.Read(ctx, project, readings)
}

func (h *holding) wait(n int64) {
	for h.reading.Load() < n {
		time.Sleep(time.Millisecond)
	}
}
