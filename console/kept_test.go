package console

import (
	"context"
	"errors"
	"testing"
)

// TestKept: an answer is kept for its question, an error is not.
func TestKept(t *testing.T) {
	var k kept[int]
	asked := 0
	for i, want := range []int{0, 2, 2} {
		got, err := k.get(t.Context(), "a", func(context.Context) (int, error) {
			if asked++; asked == 1 {
				return 0, errors.New("away")
			}
			return asked, nil
		})
		if got != want || (err != nil) != (i == 0) {
			t.Errorf("%d: %d, %v", i, got, err)
		}
	}
	if got, err := k.get(t.Context(), "b", func(context.Context) (int, error) { return 5, nil }); got != 5 || err != nil {
		t.Errorf("another question: %d, %v", got, err)
	}
	k.until = k.until.Add(-keptMost)
	if got, err := k.get(t.Context(), "b", func(context.Context) (int, error) { return 7, nil }); got != 7 || err != nil {
		t.Errorf("an old answer: %d, %v", got, err)
	}
}
