package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/asof-dev/asof"
)

// Retry says how often a step that fails is tried again. A failure that the
// caller has to mend (asof.CodeInvalid, CodeUnauthenticated, CodeForbidden) is
// not.
type Retry struct {
	Times    int           // after the first attempt
	Delay    time.Duration // before the second attempt, doubled for each further one
	MaxDelay time.Duration // 0: no bound
	Jitter   float64       // share of the delay that chance adds or takes away, 0 to 1
}

// wait returns how long to wait before an attempt; the first is 1.
func (r Retry) wait(attempt int) time.Duration {
	if attempt <= 1 {
		return 0
	}
	delay := float64(r.Delay) * math.Pow(2, float64(attempt-2))
	if most := float64(r.MaxDelay); most > 0 {
		delay = min(delay, most)
	}
	delay *= 1 + r.Jitter*(2*rand.Float64()-1)
	return time.Duration(min(delay, float64(24*time.Hour)))
}

// helps reports whether trying again may help.
func (r Retry) helps(err error) bool {
	switch asof.ErrorCode(err) {
	case asof.CodeInvalid, asof.CodeUnauthenticated, asof.CodeForbidden:
		return false
	}
	return true
}

// over reports whether nothing more is tried after an attempt; the first is 1.
func (r Retry) over(attempt int, err error) bool {
	return err == nil || attempt > r.Times || !r.helps(err)
}

// Do does what belongs to no job, again as often as the retries say, each time
// within the timeout, 0 for none. It tells why there is another attempt.
func (r Retry) Do(ctx context.Context, step string, timeout time.Duration, do func(context.Context) error, log func(text string)) error {
	for n := 1; ; n++ {
		err := timed(ctx, step, timeout, do)
		if ctx.Err() != nil || r.over(n, err) {
			return err
		}
		wait := r.wait(n + 1)
		log(again(n, wait, err))
		if !sleep(ctx, wait) {
			return err
		}
	}
}

// again says that a step is tried again.
func again(attempt int, wait time.Duration, err error) string {
	return fmt.Sprintf("attempt %d failed, and it is tried again in %s: %v", attempt, wait.Round(time.Millisecond), err)
}

// timed makes an attempt at a step within its timeout.
func timed(ctx context.Context, step string, timeout time.Duration, do func(context.Context) error) error {
	if timeout == 0 {
		return do(ctx)
	}
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := do(within)
	if err != nil && ctx.Err() == nil && errors.Is(within.Err(), context.DeadlineExceeded) {
		return asof.Errorf(asof.CodeUnavailable, "step %s took longer than %s, its timeout", step, timeout)
	}
	return err
}

// sleep waits, and reports whether ctx is still good.
func sleep(ctx context.Context, d time.Duration) bool {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}
