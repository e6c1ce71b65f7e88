package runsql

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/asof-dev/asof"
)

// DefinitionLog is an asof.DefinitionLog but for Close.
type DefinitionLog struct{ db Database }

// NewDefinitions returns the log in a database.
func NewDefinitions(db Database) *DefinitionLog { return &DefinitionLog{db} }

const (
	definitions = "asof_definitions"
	states      = "asof_definition_states"
)

// statesKept is how many states of a project are known again.
const statesKept = 1000

// DefinitionLayouts are the tables of the log. A change has the version of the
// state that it was first seen in, and a digest by which its text is compared.
func DefinitionLayouts() []Layout {
	return []Layout{
		{definitions, `(seq %[1]s, project text NOT NULL, kind text NOT NULL, name text NOT NULL, at bigint NOT NULL, seen bigint NOT NULL, version text NOT NULL,
 cause text NOT NULL, who text NOT NULL, digest text NOT NULL, definition text NOT NULL)`, `CREATE INDEX %[2]s_object ON %[2]s (project, kind, name, seq)`},
		{states, `(seq %[1]s, project text NOT NULL, version text NOT NULL, updated bigint NOT NULL)`, `CREATE INDEX %[2]s_version ON %[2]s (project, version)`},
	}
}

// object names an object in the log.
type object struct{ kind, name string }

// Note enters what is new in a state.
func (l *DefinitionLog) Note(ctx context.Context, s asof.DefinitionState, keep int) (changed int, err error) {
	err = l.db.Write(ctx, true, func(tx Tx) error {
		past, err := l.past(ctx, tx, s)
		if err != nil {
			return err
		}
		if past && s.Cause != "" {
			return tx.Exec(ctx, "UPDATE "+l.db.Table(definitions)+" SET cause = $3, who = $4 WHERE project = $1 AND version = $2 AND cause = ''", s.Project, s.Version, s.Cause, plain(s.Who))
		}
		if past {
			return nil
		}
		if changed, err = l.enterNew(ctx, tx, s, keep); err != nil {
			return err
		}
		return l.remember(ctx, tx, s)
	})
	return changed, err
}

// enterNew enters the objects that differ from their newest change.
func (l *DefinitionLog) enterNew(ctx context.Context, tx Tx, s asof.DefinitionState, keep int) (changed int, err error) {
	newest, err := l.newest(ctx, tx, s.Project)
	if err != nil {
		return 0, err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return 0, err
	}
	present := map[object]bool{}
	for _, o := range s.Objects {
		present[object{string(o.Kind), o.Name}] = true
	}
	objects := slices.Clone(s.Objects)
	for _, gone := range slices.SortedFunc(maps.Keys(newest), func(a, b object) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name)) }) {
		if !present[gone] {
			objects = append(objects, asof.DefinitionText{Kind: asof.Kind(gone.kind), Name: gone.name})
		}
	}
	for _, o := range objects {
		at := object{string(o.Kind), o.Name}
		was, known := newest[at]
		if was == digest(o.Text) {
			continue
		}
		changed++
		if err := l.enter(ctx, tx, s, o, now); err != nil {
			return 0, err
		}
		if !known {
			continue
		}
		if err := l.prune(ctx, tx, s.Project, at, keep); err != nil {
			return 0, err
		}
	}
	return changed, nil
}

// past reports whether a state is the newest that was noted, or an earlier one.
func (l *DefinitionLog) past(ctx context.Context, tx Tx, s asof.DefinitionState) (past bool, err error) {
	var last string
	var updated int64
	table := l.db.Table(states)
	err = tx.Query(ctx, "SELECT version, updated FROM "+table+" WHERE project = $1 ORDER BY seq DESC LIMIT 1", []any{s.Project},
		func(scan func(...any) error) error { return scan(&last, &updated) })
	if err != nil || last == "" || last == s.Version {
		return last != "" && last == s.Version, err
	}
	known := false
	err = tx.Query(ctx, "SELECT seq FROM "+table+" WHERE project = $1 AND version = $2 LIMIT 1", []any{s.Project, s.Version}, func(scan func(...any) error) error {
		known = true
		var seq int64
		return scan(&seq)
	})
	return known && s.Updated.UnixMicro() <= updated, err
}

func (l *DefinitionLog) remember(ctx context.Context, tx Tx, s asof.DefinitionState) error {
	table := l.db.Table(states)
	err := tx.Exec(ctx, "INSERT INTO "+table+" (project, version, updated) VALUES ($1, $2, $3)", s.Project, s.Version, s.Updated.UnixMicro())
	if err != nil {
		return err
	}
	return tx.Exec(ctx, "DELETE FROM "+table+" WHERE project = $1 AND seq <= (SELECT seq FROM "+table+" WHERE project = $1 ORDER BY seq DESC LIMIT 1 OFFSET $2)", s.Project, statesKept)
}

// newest returns the digests of the newest texts, "" for what was removed.
func (l *DefinitionLog) newest(ctx context.Context, tx Tx, project string) (map[object]string, error) {
	table, newest := l.db.Table(definitions), map[object]string{}
	err := tx.Query(ctx, "SELECT kind, name, digest FROM "+table+" WHERE seq IN (SELECT max(seq) FROM "+table+" WHERE project = $1 GROUP BY kind, name)", []any{project},
		func(scan func(...any) error) error {
			var o object
			var digest string
			err := scan(&o.kind, &o.name, &digest)
			newest[o] = digest
			return err
		})
	return newest, err
}

func (l *DefinitionLog) enter(ctx context.Context, tx Tx, s asof.DefinitionState, o asof.DefinitionText, now time.Time) error {
	at := o.Updated
	if at.IsZero() || at.After(now) {
		at = now
	}
	return tx.Exec(ctx, "INSERT INTO "+l.db.Table(definitions)+" (project, kind, name, at, seen, version, cause, who, digest, definition) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
		s.Project, string(o.Kind), o.Name, at.UnixMicro(), now.UnixMicro(), s.Version, s.Cause, plain(s.Who), digest(o.Text), plain(o.Text))
}

// prune removes the oldest changes of an object.
func (l *DefinitionLog) prune(ctx context.Context, tx Tx, project string, o object, keep int) error {
	table := l.db.Table(definitions)
	return tx.Exec(ctx, "DELETE FROM "+table+" WHERE project = $1 AND kind = $2 AND name = $3 AND seq <= (SELECT seq FROM "+table+
		" WHERE project = $1 AND kind = $2 AND name = $3 ORDER BY seq DESC LIMIT 1 OFFSET $4)", project, o.kind, o.name, keep)
}

// digest tells texts apart.
func digest(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Changes lists changes, the newest first.
func (l *DefinitionLog) Changes(ctx context.Context, q asof.DefinitionQuery) ([]asof.DefinitionChange, error) {
	var list []asof.DefinitionChange
	err := l.db.Read(ctx, func(tx Tx) error {
		list = nil
		condition := fmt.Sprintf(" WHERE ($1 = '' OR project = $1) AND ($2 = '' OR kind = $2) AND ($3 = '' OR name = $3) AND ($4 = 0 OR seq < $4) ORDER BY seq DESC LIMIT %d", cmp.Or(q.Limit, 100))
		return tx.Query(ctx, "SELECT seq, project, kind, name, at, seen, cause, who, definition FROM "+l.db.Table(definitions)+condition,
			[]any{q.Project, string(q.Kind), q.Name, q.Before}, func(scan func(...any) error) error {
				var c asof.DefinitionChange
				var kind string
				var at, seen int64
				if err := scan(&c.Seq, &c.Project, &kind, &c.Name, &at, &seen, &c.Cause, &c.Who, &c.Text); err != nil {
					return err
				}
				c.Kind, c.At, c.Seen = asof.Kind(kind), instant(&at), instant(&seen)
				list = append(list, c)
				return nil
			})
	})
	return list, err
}
