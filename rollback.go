package asof

import (
	"slices"
	"strings"
	"time"
)

// Rollback says what a rollback put back. Of a table, Added counts the rows
// that came back, Changed those that hold again what they held, and Removed
// those that the publication had added.
type Rollback struct {
	Publication Publication
	Tables      []TableChange // by name
	Gone        []string      // tables that the publication had made, and that are no more
	Readers     []string      // the tables, and the database's own views that read them
}

// LaterRuns are the runs that have to be rolled back before another can be:
// they changed a table of its after it did.
type LaterRuns struct {
	Run   string
	Later []Publication // newest first
}

// Error names the runs, in the order in which they are to be rolled back.
func (l *LaterRuns) Error() string {
	return "run " + l.Run + " is not the newest on its tables: roll back first " + named(l.Later, ", then ")
}

// RolledBackRuns returns when runs were rolled back, by their IDs: those whose newest
// publication does not count any more. All are what a warehouse has published,
// newest first.
func RolledBackRuns(all []Publication) map[string]time.Time {
	undone, seen := map[string]time.Time{}, map[string]bool{}
	for _, p := range all {
		if !seen[p.ID] && !p.Undone.IsZero() {
			undone[p.ID] = p.Undone
		}
		seen[p.ID] = true
	}
	return undone
}

// KeptPublication is a publication of a warehouse that can be rolled back: the
// names of the tables that it changed.
type KeptPublication struct {
	Publication
	Tables []string
}

// RollbackOf chooses among the publications that can be rolled back, newest
// first, the newest of a run, and refuses it where later ones have to be rolled
// back before it. All are the publications that the warehouse has ever had.
func RollbackOf(run string, all []Publication, kept []KeptPublication) (int, error) {
	at := slices.IndexFunc(kept, func(p KeptPublication) bool { return p.ID == run })
	if at < 0 {
		var can []Publication
		for _, p := range kept {
			can = append(can, p.Publication)
		}
		known := "; none can be rolled back now"
		if len(can) > 0 {
			known = "; these can be rolled back: " + named(can, ", ")
		}
		if slices.ContainsFunc(all, func(p Publication) bool { return p.ID == run }) {
			return -1, Errorf(CodeInvalid, "run %s can't be rolled back any more: the warehouse keeps what its last publications replaced, and no longer what this one did%s", run, known)
		}
		return -1, Errorf(CodeNotFound, "no run %s has published anything%s", run, known)
	}
	tables := slices.Clone(kept[at].Tables)
	var later []Publication
	for i := at - 1; i >= 0; i-- {
		if slices.ContainsFunc(kept[i].Tables, func(t string) bool { return slices.Contains(tables, t) }) {
			later = slices.Insert(later, 0, kept[i].Publication)
			tables = append(tables, kept[i].Tables...)
		}
	}
	if len(later) > 0 {
		return -1, Errorf(CodeConflict, "%w", &LaterRuns{run, later})
	}
	return at, nil
}

func named(list []Publication, between string) string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.ID + " (" + p.Name + ", " + p.AsOf.Format(time.DateOnly) + ")"
	}
	return strings.Join(names, between)
}

// PublishedSince returns which run, the last one, has published since the
// newest publication of a run, of all of them, newest first. It is "" where
// there is none, or the run has not published: what was rolled back does not count.
func PublishedSince(run string, all []Publication) (since string) {
	for _, p := range all {
		switch {
		case !p.Undone.IsZero():
		case p.ID == run:
			return since
		case since == "":
			since = p.ID
		}
	}
	return ""
}

// SkippedFor is what TableChange.Skipped says where a run had published already
// and another one has since.
func SkippedFor(run, since string) string {
	return "left as it is: run " + run + " had published it, and run " + since + " has published since"
}
