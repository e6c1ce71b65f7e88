package redis_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/redis"
	"github.com/asof-dev/asof/storetest"
)

// slowly passes connections on to a server, and takes so many bytes a second.
func slowly(t *testing.T, server string, rate int) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", server)
			if err != nil {
				from.Close()
				continue
			}
			go func() { _, _ = io.Copy(from, to); from.Close() }()
			go func() {
				defer to.Close()
				for piece := int64(rate / 100); ; time.Sleep(10 * time.Millisecond) {
					if _, err := io.CopyN(to, from, piece); err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// TestWideRowsOfASlowServer writes rows that take far longer, all of them, than
// the server may take to answer.
func TestWideRowsOfASlowServer(t *testing.T) {
	const rows, features = 1500, 250
	wide := &asof.FeatureView{Name: "wide", Online: true, Enabled: true, EntityColumns: []asof.Field{{Name: "user", Type: asof.Scalar(asof.TypeString)}}}
	var values strings.Builder
	for i := range features {
		name := fmt.Sprint("f", i)
		wide.Features = append(wide.Features, asof.Field{Name: name, Type: asof.Scalar(asof.TypeFloat64)})
		fmt.Fprintf(&values, `, "%s": %d.5`, name, i)
	}
	lines := make([]string, rows)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"user": "%d", "event_timestamp": "2024-01-31T00:00:00Z"%s}`, i, values.String())
	}
	server := storetest.StartRedis(t, "")
	store := open(t, redis.Config{Connection: slowly(t, server.Addr(), 2<<20) + ",socket_timeout=0.8"})
	update(t, store, wide)
	started := time.Now()
	written, err := store.Write(t.Context(), "shop", wide, batch(t, wide, "["+strings.Join(lines, ",")+"]"))
	if written != rows || err != nil {
		t.Fatalf("%d rows were written of %d: %v", written, rows, err)
	}
	if took := time.Since(started); took < 800*time.Millisecond {
		t.Errorf("it took %s: the server was not slow", took)
	}
}
