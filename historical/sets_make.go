package historical

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/receipt"
)

// Order asks for a training set: features, by References or by Service, and
// entity rows, by one of a snapshot's table and day, a day alone, and an upload.
type Order struct {
	Name string // of the set, and its folder
	By   string // who asks

	References    []string
	Service       string
	FullNames     bool
	CreatedCutoff bool
	Label         string // a feature, or a column of the entity rows

	Snapshot string    // the keys of a day's rows of this table; "": every key that has a row by Day
	Day      time.Time // zero with Upload
	Upload   string    // the ID of a file that Receive has kept
}

// SetFile is what the file of a set that is made here is called in its folder,
// and entityFile that of an upload from which it was made, without its extension.
const (
	SetFile    = "training.parquet"
	entityFile = "entities"
)

var setName = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}_-]*$`)

// Check holds an order against the definitions, the entity rows and what the
// caller may read, and returns how many entity rows there are; 0 where that shows
// when they are read. It changes nothing.
func (s *Sets) Check(ctx context.Context, o Order) (rows int64, err error) {
	if err := s.free(o); err != nil {
		return 0, err
	}
	r, err := s.request(ctx, o)
	if err != nil {
		return 0, err
	}
	_, entities, err := r.prepare(ctx)
	if err != nil {
		return 0, s.ofUpload(err, &r)
	}
	defer entities.release()
	return entities.count, nil
}

// free refuses a name that no set can have, or that one has.
func (s *Sets) free(o Order) error {
	if !setName.MatchString(o.Name) || utf8.RuneCountInString(o.Name) > 60 {
		return asof.Errorf(asof.CodeInvalid, "%.80q cannot be the name of a training set: it has up to 60 letters, digits, - and _, and begins with a letter or a digit", o.Name)
	}
	if entries, err := os.ReadDir(s.folder(o)); err == nil && len(entries) > 0 {
		return asof.Errorf(asof.CodeConflict, "there is a training set %s already, or it is being made; give another name", o.Name)
	}
	return nil
}

func (s *Sets) folder(o Order) string { return filepath.Join(s.Folder, o.Name) }

// request is what an order asks of the store, by a caller who may.
func (s *Sets) request(ctx context.Context, o Order) (Request, error) {
	r := Request{References: o.References, Service: o.Service, FullNames: o.FullNames, CreatedCutoff: o.CreatedCutoff, Label: o.Label, By: o.By}
	if err := s.Ask(ctx, &r); err != nil {
		return r, err
	}
	views, err := Reads(r)
	if err != nil {
		return r, err
	}
	var read []asof.Object
	for _, v := range views {
		read = append(read, v)
	}
	switch {
	case o.Upload != "":
		r.Entities.Path, err = s.upload(o.Upload)
	case o.Day.IsZero():
		err = asof.Errorf(asof.CodeInvalid, "the entity rows are missing: choose a day, or send a file")
	case o.Snapshot == "":
		r.Entities.Events = &asof.Events{At: o.Day}
	default:
		r.Entities.SQL, err = s.snapshotSQL(ctx, o)
		read = append(read, r.Snapshot.Objects(asof.KindDataSource)...)
	}
	if err == nil && s.Permit != nil {
		err = s.Permit(ctx, r.Snapshot, read...)
	}
	return r, err
}

// snapshotSQL selects the rows of a snapshot. Names come from the tables that
// there are, never from the order.
func (s *Sets) snapshotSQL(ctx context.Context, o Order) (string, error) {
	var tables []SnapshotTable
	if s.Snapshots != nil {
		var err error
		if tables, err = s.Snapshots(ctx); err != nil {
			return "", err
		}
	}
	var known []string
	for _, t := range tables {
		if known = append(known, t.Name); t.Name != o.Snapshot {
			continue
		}
		label := ""
		if slices.Contains(t.Columns, o.Label) {
			label = o.Label
		}
		return t.SQL(o.Day, label), nil
	}
	return "", asof.Errorf(asof.CodeNotFound, "no pipeline makes a snapshot %.80q%s", o.Snapshot, asof.DidYouMean(o.Snapshot, known))
}

// ofUpload tells of an upload without naming the file in which it is kept.
func (s *Sets) ofUpload(err error, r *Request) error {
	const sent = "the uploaded file"
	if r.Entities.Path == "" {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return asof.Errorf(asof.ErrorCode(err), "%s", strings.NewReplacer("entity rows "+r.Entities.Path, sent, r.Entities.Path, sent).Replace(err.Error()))
}

// Make begins to make a set. A name that is taken, definitions that are not there
// and what the caller may not read are refused. What fails later, as entity rows
// do that Check would refuse, leaves nothing behind, also when the process is
// killed: the next Make takes it away.
func (s *Sets) Make(ctx context.Context, o Order) (Job, error) {
	s.sweep()
	if err := s.free(o); err != nil {
		return Job{}, err
	}
	r, err := s.request(ctx, o)
	if err != nil {
		return Job{}, err
	}
	return s.Jobs.start(JobMake, o.Name, o.By, func(ctx context.Context, p asof.Progress) (Outcome, error) {
		place, err := s.take(o)
		if err != nil {
			return Outcome{}, err
		}
		r.Progress, r.Output = p, filepath.Join(place.dir, SetFile)
		if o.Upload != "" {
			waiting := r.Entities.Path
			r.Entities.Path = filepath.Join(place.dir, entityFile+filepath.Ext(waiting))
			err = os.Rename(waiting, r.Entities.Path)
		}
		var result Result
		if err == nil {
			result, err = Run(ctx, r)
		}
		if err != nil {
			place.giveBack()
			return Outcome{}, s.ofUpload(err, &r)
		}
		place.keep()
		made := outcomeOf(result.Receipt)
		made.Empty = result.Empty
		return made, nil
	})
}

// Reproduce begins to make a set again, and to hold it against what it was.
func (s *Sets) Reproduce(ctx context.Context, old *receipt.Receipt, by string) (Job, error) {
	var r Request
	if err := s.Ask(ctx, &r); err != nil {
		return Job{}, err
	}
	if err := s.Readable(ctx, old); err != nil {
		return Job{}, err
	}
	return s.Jobs.start(JobReproduce, old.ID, by, func(ctx context.Context, p asof.Progress) (Outcome, error) {
		r.Progress = p
		now, changes, err := Reproduce(ctx, r, old)
		if err != nil {
			return Outcome{}, err
		}
		found := outcomeOf(now)
		found.Set, found.Same, found.Changes = old.ID, now.Content == old.Content, changes
		return found, nil
	})
}
