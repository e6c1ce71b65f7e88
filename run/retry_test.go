package run_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/run"
)

// TestRetriesOutsideOfAJob is about what a step tries that no worker records.
func TestRetriesOutsideOfAJob(t *testing.T) {
	retry := run.Retry{Times: 2, Delay: time.Millisecond}
	flaky := errors.New("flaky")
	for name, c := range map[string]struct {
		errs    []error // of the attempts; nil from then on
		timeout time.Duration
		want    string
		logged  []string
	}{
		"at once":   {nil, 0, "", nil},
		"the last":  {[]error{flaky, flaky}, time.Minute, "", []string{"attempt 1 failed, and it is tried again in 1ms: flaky", "attempt 2 failed, and it is tried again in 2ms: flaky"}},
		"too often": {[]error{flaky, flaky, flaky}, 0, "flaky", []string{"attempt 1", "attempt 2"}},
		"in vain":   {[]error{asof.Errorf(asof.CodeInvalid, "wrong")}, 0, "wrong", nil},
		"too long":  {[]error{context.DeadlineExceeded, context.DeadlineExceeded, context.DeadlineExceeded}, 5 * time.Millisecond, "step s took longer than 5ms, its timeout", []string{"attempt 1 failed", "attempt 2 failed"}},
	} {
		var logged []string
		n := 0
		err := retry.Do(t.Context(), "s", c.timeout, func(ctx context.Context) error {
			if n++; n > len(c.errs) {
				return nil
			}
			if errors.Is(c.errs[n-1], context.DeadlineExceeded) {
				<-ctx.Done()
				return ctx.Err()
			}
			return c.errs[n-1]
		}, func(text string) { logged = append(logged, text) })
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if !slices.EqualFunc(logged, c.logged, strings.HasPrefix) {
			t.Errorf("%s: logged %q", name, logged)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	retry.Delay = time.Hour
	if err := retry.Do(ctx, "s", 0, func(context.Context) error { return flaky }, func(string) { cancel() }); !errors.Is(err, flaky) {
		t.Errorf("cancelled: %v", err)
	}
}
