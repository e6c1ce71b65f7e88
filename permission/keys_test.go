package permission_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/storetest"
)

// inBubble runs a test with an issuer outside and a clock of its own inside.
func inBubble(t *testing.T, do func(t *testing.T, issuer *storetest.Issuer, g *permission.Guard)) {
	t.Helper()
	issuer := storetest.NewIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL(), KeepKeys: time.Minute, Timeout: 100 * time.Millisecond}})
		do(t, issuer, g)
	})
}

func good(t *testing.T, g *permission.Guard, token string) {
	t.Helper()
	if _, err := admit(t, g, token); err != nil {
		t.Errorf("a good token: %v", err)
	}
}

func asked(t *testing.T, issuer *storetest.Issuer, want int64) {
	t.Helper()
	if got := issuer.Asked.Load(); got != want {
		t.Errorf("the issuer was asked for keys %d times, want %d", got, want)
	}
}

func TestKeysAreRotated(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *storetest.Issuer, g *permission.Guard) {
		before := issuer.Token(map[string]any{"exp": time.Now().Add(time.Hour).Unix()})
		good(t, g, before)
		issuer.Rotate(jose.RS256)
		after := issuer.Token(nil)
		refused(t, g, after, `the issuer has no RS256 key named "key-2"`) // it was asked a moment ago
		asked(t, issuer, 1)
		time.Sleep(6 * time.Second)
		good(t, g, after)
		good(t, g, before)
		asked(t, issuer, 2)
		issuer.Retire()
		good(t, g, before) // not known yet
		time.Sleep(time.Minute)
		good(t, g, after)
		refused(t, g, before, `the issuer has no RS256 key named "key-1"`)
	})
}

// TestAKeyThatIsGoneCountsNoLonger: also for a token that is sent all the time,
// and for no longer than keys are kept.
func TestAKeyThatIsGoneCountsNoLonger(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *storetest.Issuer, g *permission.Guard) {
		token := issuer.Token(nil)
		good(t, g, token)
		issuer.Rotate(jose.RS256)
		issuer.Retire()
		for range 59 {
			time.Sleep(time.Second)
			_, _ = admit(t, g, token)
		}
		time.Sleep(2 * time.Second)
		refused(t, g, token, "the issuer has no")
	})
}

// TestATokenThatWasGoodExpires: it was checked before, and counts no longer.
func TestATokenThatWasGoodExpires(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *storetest.Issuer, g *permission.Guard) {
		token := issuer.Token(map[string]any{"exp": time.Now().Add(30 * time.Second).Unix()})
		for range 4 {
			good(t, g, token)
			time.Sleep(9 * time.Second)
		}
		time.Sleep(5 * time.Second)
		refused(t, g, token, "it expired at ")
	})
}

func TestUnknownKeysAreAskedForNowAndThen(t *testing.T) {
	other := storetest.NewIssuer(t)
	other.Rotate(jose.RS256)
	inBubble(t, func(t *testing.T, issuer *storetest.Issuer, g *permission.Guard) {
		good(t, g, issuer.Token(nil))
		for range 200 {
			refused(t, g, other.Token(nil), "the issuer has no")
			time.Sleep(100 * time.Millisecond)
		}
		if n := issuer.Asked.Load(); n < 4 || n > 6 { // in 20 s
			t.Errorf("the issuer was asked for keys %d times", n)
		}
	})
}

func TestKeysGoOnWhileTheIssuerIsDown(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *storetest.Issuer, g *permission.Guard) {
		until := map[string]any{"exp": time.Now().Add(24 * time.Hour).Unix()}
		token := issuer.Token(until)
		good(t, g, token)
		issuer.Down.Store(true)
		for range 59 {
			time.Sleep(time.Minute)
			good(t, g, token)
			good(t, g, issuer.Token(until))
		}
		time.Sleep(3 * time.Minute)
		unavailable(t, g, token)
		issuer.Down.Store(false)
		time.Sleep(6 * time.Second)
		good(t, g, token)
	})
}

func unavailable(t *testing.T, g *permission.Guard, token string) {
	t.Helper()
	if _, err := admit(t, g, token); asof.ErrorCode(err) != asof.CodeUnavailable {
		t.Errorf("the issuer is down: %v", err)
	}
}

func TestAnIssuerThatIsDownFromTheStart(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *storetest.Issuer, g *permission.Guard) {
		issuer.Down.Store(true)
		for range 10 {
			unavailable(t, g, issuer.Token(nil))
		}
		issuer.Down.Store(false)
		unavailable(t, g, issuer.Token(nil)) // it was asked a moment ago
		asked(t, issuer, 0)
		time.Sleep(6 * time.Second)
		good(t, g, issuer.Token(nil))
	})
	if _, err := permission.New(permission.Options{Issuer: permission.Issuer{DiscoveryURL: "issuer.example"}}); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("no URL: %v", err)
	}
	if _, err := permission.New(permission.Options{Issuer: permission.Issuer{DiscoveryURL: "https://issuer", CAFile: "nowhere.pem"}}); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("no CA: %v", err)
	}
}

// TestASlowIssuerHoldsUpNobodyForLong: one question for all who wait, each no
// longer than its own time, and all no longer than the issuer's.
func TestASlowIssuerHoldsUpNobodyForLong(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	issuer.Slow.Store(int64(time.Hour))
	g := newGuard(t, permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL(), Timeout: 2 * time.Second}})
	token := issuer.Token(nil)
	var group sync.WaitGroup
	began := time.Now()
	for range 20 {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			if _, err := g.Admit(ctx, "Bearer "+token); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 1900*time.Millisecond {
				t.Errorf("after %s: %v", time.Since(began), err)
			}
		})
		group.Go(func() { unavailable(t, g, token) })
	}
	group.Wait()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	asked(t, issuer, 1)
}

// BenchmarkAdmit is what a token costs that was seen before, and one that is new.
func BenchmarkAdmit(b *testing.B) {
	issuer := storetest.NewIssuer(b)
	known := issuer.Token(nil)
	g := guardOf(b, issuer)
	for name, token := range map[string]func(n int) string{
		"known": func(int) string { return known },
		"new":   func(n int) string { return issuer.Token(map[string]any{"n": n}) },
	} {
		b.Run(name, func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				b.StopTimer()
				header := "Bearer " + token(n)
				b.StartTimer()
				if _, err := g.Admit(b.Context(), header); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
