package postgres_test

import (
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/storetest"
)

// TestReadOnAConnectionThatIsCut cuts the connection after every third byte
// of the answer to a read: it fails, or has all of it, and the next one is answered.
func TestReadOnAConnectionThatIsCut(t *testing.T) {
	for name, open := range map[string]func(*postgres.DB) asof.OnlineStore{
		"our layout":     func(db *postgres.DB) asof.OnlineStore { return openOnline(t, db) },
		"Feast's layout": func(db *postgres.DB) asof.OnlineStore { return openFeastOnline(t, db) },
	} {
		t.Run(name, func(t *testing.T) {
			d := storetest.Postgres(t).Database(t)
			g := storetest.NewGate(t, net.JoinHostPort(d.Host, strconv.Itoa(d.Port)))
			d.Port = g.Port()
			store := open(openDatabase(t, d, ""))
			at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
			if err := store.Update(t.Context(), "p", []*asof.FeatureView{onlineView}, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Write(t.Context(), "p", onlineView, numbered(t, 1, 3, at)); err != nil {
				t.Fatal(err)
			}
			r := &asof.Reading{View: onlineView, Features: []string{"x"}, Keys: onlineKeys(t, 1, 2, 3)}
			failed := 0
			for cut, left := int64(0), int64(-1); left < 0; cut += 3 {
				if err := store.Read(t.Context(), "p", []*asof.Reading{r}); err != nil { // on a connection that is there
					t.Fatalf("after a cut: %v", err)
				}
				g.CutAfter(cut)
				err := store.Read(t.Context(), "p", []*asof.Reading{r})
				left = g.CutAfter(-1)
				switch {
				case asof.ErrorCode(err) == asof.CodeUnavailable:
					failed++
				case err != nil:
					t.Fatalf("cut after %d bytes: %v", cut, err)
				case slices.Contains(r.Found, false) || slices.Max(r.Events) != at.UnixMicro() || slices.Min(r.Events) != at.UnixMicro():
					t.Fatalf("cut after %d bytes: half an answer: %v at %v", cut, r.Found, r.Events)
				}
			}
			if failed < 30 {
				t.Errorf("%d reads were cut off: too few for an answer of three rows", failed)
			}
		})
	}
}
