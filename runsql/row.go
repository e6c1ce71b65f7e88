package runsql

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// row is a run with its number, by which its steps and lines are found: an ID
// may be used again once it is pruned.
type row struct {
	asof.Run
	seq int64
}

const (
	brief   = "seq, id, project, pipeline, run_key, params, cause, uses, due, state, created, started, finished, worker, lease_ends, epoch, takeovers, cancel, error"
	columns = brief + ", report"
)

func (r *row) read(scan func(...any) error) error {
	var params, uses string
	var due, created, cancel int64
	var started, finished, ends *int64
	var report *string
	err := scan(&r.seq, &r.ID, &r.Project, &r.Pipeline, &r.Key, &params, &r.Cause, &uses, &due, &r.State, &created, &started, &finished,
		&r.Worker, &ends, &r.Epoch, &r.Takeovers, &cancel, &r.Error, &report)
	if err != nil {
		return err
	}
	r.Due, r.Created, r.Started, r.Finished, r.LeaseEnds = instant(&due), instant(&created), instant(started), instant(finished), instant(ends)
	r.Cancel, r.Report = cancel != 0, document(report)
	if err := json.Unmarshal([]byte(params), &r.Params); err != nil {
		return err
	}
	return json.Unmarshal([]byte(uses), &r.Uses)
}

// choose gives the runs that a condition chooses to each. What stands behind
// the condition goes with it.
func (s *Store) choose(ctx context.Context, tx Tx, condition string, args []any, each func(row) error) error {
	return s.selected(ctx, tx, columns, condition, args, each)
}

func (s *Store) selected(ctx context.Context, tx Tx, columns, condition string, args []any, each func(row) error) error {
	return tx.Query(ctx, "SELECT "+columns+" FROM "+s.db.Table(runs)+" WHERE "+condition, args, func(scan func(...any) error) error {
		var r row
		if err := r.read(scan); err != nil {
			return err
		}
		return each(r)
	})
}

// find returns a run; end is what the query ends with.
func (s *Store) find(ctx context.Context, tx Tx, id, end string) (*row, error) {
	var found *row
	err := s.choose(ctx, tx, "id = $1"+end, []any{id}, func(r row) error {
		found = &r
		return nil
	})
	if err == nil && found == nil {
		err = notFound(id)
	}
	return found, err
}

// insert enters a new run.
func (s *Store) insert(ctx context.Context, tx Tx, r asof.Run) error {
	params, err := json.Marshal(r.Params)
	if err != nil {
		return err
	}
	uses, err := json.Marshal(r.Uses)
	if err != nil {
		return err
	}
	return tx.Exec(ctx, "INSERT INTO "+s.db.Table(runs)+` (id, project, pipeline, run_key, params, cause, uses, due, claim_at, state, created, worker, epoch, takeovers, cancel, error)
 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, '', 0, 0, 0, '')`,
		r.ID, r.Project, r.Pipeline, r.Key, string(params), r.Cause, string(uses), r.Due.UnixMicro(), string(r.State), r.Created.UnixMicro())
}

// save writes what changes in a run's life. Attempts that go on are ended where
// stepsEnd says so.
func (s *Store) save(ctx context.Context, tx Tx, r *row, now time.Time, stepsEnd bool) error {
	var claimable *int64
	if r.Finished.IsZero() {
		claimable = micros(r.Claimable())
	}
	cancel := 0
	if r.Cancel {
		cancel = 1
	}
	err := tx.Exec(ctx, "UPDATE "+s.db.Table(runs)+` SET due = $2, state = $3, started = $4, finished = $5, worker = $6, lease_ends = $7, claim_at = $8,
 epoch = $9, takeovers = $10, cancel = $11, error = $12, report = $13 WHERE seq = $1`,
		r.seq, r.Due.UnixMicro(), string(r.State), micros(r.Started), micros(r.Finished), r.Worker, micros(r.LeaseEnds), claimable,
		r.Epoch, r.Takeovers, cancel, plain(r.Error), text(r.Report))
	if err != nil || !stepsEnd {
		return err
	}
	return tx.Exec(ctx, "UPDATE "+s.db.Table(steps)+" SET state = $2, finished = $3 WHERE run = $1 AND state IN ('running', 'retrying', 'pending', 'scheduled', 'late')",
		r.seq, string(r.StepsEnd()), now.UnixMicro())
}

// plain returns text as every database takes it.
func plain(s string) string { return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "�") }

func text(document json.RawMessage) *string {
	if document == nil {
		return nil
	}
	s := plain(string(document))
	return &s
}

func document(text *string) json.RawMessage {
	if text == nil {
		return nil
	}
	return json.RawMessage(*text)
}
