package cli

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/answerlog"
	"github.com/asof-dev/asof/monitor"
)

// served stands on the command line for what servers answered; with a span
// behind a colon, in that.
const served = "served"

// parseSide reads a span of rows, or of what was served, and the one that it is
// compared with where nothing else is asked for: zero for none.
func parseSide(name, text string) (side, before monitor.Side, err error) {
	if text == served {
		return monitor.Side{DriftSide: asof.DriftSide{Source: asof.StatisticsLog, To: time.Now().UTC().Truncate(time.Microsecond)}}, before, nil
	}
	span, logged := strings.CutPrefix(text, served+":")
	if side, before, err = parseSpan(name, span); logged {
		side.Source, before = asof.StatisticsLog, monitor.Side{}
	}
	return side, before, err
}

// served describes what was served, by the logs of it, and says from when on
// there are any; zero where there are none.
func (r *repository) served(ctx context.Context) (*answerlog.Served, time.Time, error) {
	snapshot, err := r.snapshot(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	logs := &answerlog.Served{Snapshot: snapshot, Dir: r.config.Dir, Folder: r.answersFolder()}
	oldest, err := logs.Oldest(ctx)
	return logs, oldest, err
}

func (r *repository) answersFolder() string {
	if folder := r.config.Asof.Answers.Folder; filepath.IsAbs(folder) {
		return folder
	}
	return filepath.Join(r.config.Dir, r.config.Asof.Answers.Folder)
}

// answered completes sides that are of what was served: who describes them, and
// from when on. That nothing was logged is an error with a way out.
func (r *repository) answered(ctx context.Context, sides ...*monitor.Side) error {
	for _, side := range sides {
		if side.Source != asof.StatisticsLog {
			continue
		}
		logs, oldest, err := r.served(ctx)
		if err != nil {
			return err
		}
		if oldest.IsZero() {
			return r.unserved(logs.Snapshot)
		}
		if side.From.IsZero() {
			side.From = oldest
		}
		side.Describe = func(ctx context.Context, _ *asof.FeatureView, q *asof.ProfileQuery) ([]asof.Profile, error) {
			return logs.Profile(ctx, q)
		}
	}
	return nil
}

// unserved says why there are no answers: none are logged, or not yet.
func (r *repository) unserved(snapshot *asof.Snapshot) error {
	answers := r.config.Asof.Answers
	logging := func(s *asof.FeatureService) bool { return len(s.Logging) > 0 }
	if answers.Sample > 0 || answers.Services && slices.ContainsFunc(snapshot.Services(), logging) {
		return asof.Errorf(asof.CodeInvalid, "no answers are logged in project %s yet: rows are written every %s (flush), and when the server stops", r.config.Project, cmp.Or(answers.Flush, answerlog.DefaultFlush))
	}
	return asof.Errorf(asof.CodeInvalid, "no answers were logged in project %s: write `asof: {answers: {sample: 0.01}}` into feature_store.yaml and serve", r.config.Project)
}
