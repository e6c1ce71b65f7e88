package pipeline

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"time"

	"github.com/asof-dev/asof"
)

// attempts does a step, again as often as its retries say. What is the caller's
// mistake stays one, and is not tried again.
func (s *Step) attempts(ctx context.Context, tell func(line string), do func(context.Context) error) error {
	for n := 0; ; n++ {
		err := s.attempt(ctx, do)
		if err == nil || n == s.Retries.Times || ctx.Err() != nil || asof.ErrorCode(err) == asof.CodeInvalid {
			return err
		}
		wait := s.Retries.pause(n, rand.Float64())
		tell("failed, and is tried again in " + wait.Round(time.Millisecond).String() + ": " + err.Error())
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// attempt does a step once, within its timeout.
func (s *Step) attempt(ctx context.Context, do func(context.Context) error) error {
	if s.Timeout == 0 {
		return do(ctx)
	}
	within, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	err := do(within)
	if err != nil && ctx.Err() == nil && errors.Is(within.Err(), context.DeadlineExceeded) {
		return asof.Errorf(asof.CodeUnavailable, "step %s took longer than %s, its `timeout`", s.Name, s.Timeout)
	}
	return err
}

// pause returns how long to wait after attempt n, from 0; chance is from 0 to 1.
func (r Retries) pause(n int, chance float64) time.Duration {
	wait := min(float64(r.Wait)*math.Pow(2, float64(n)), float64(r.Most))
	return time.Duration(wait * (1 + r.Jitter*(2*chance-1)))
}
