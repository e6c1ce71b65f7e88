package receipt

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/asof-dev/asof"
)

// Format is the version of the receipts that this package writes.
const Format = 1

// Suffix is what the name of a receipt adds to that of the file beside which
// it lies.
const Suffix = ".receipt.json"

// Receipt says what a training set was made from and what is in it. It holds
// no settings of stores, so no passwords: to make the set again they are read
// from the repository.
type Receipt struct {
	Format   int       `json:"format"`
	ID       string    `json:"id"`
	Asof     string    `json:"asof"` // the version of the program
	Project  string    `json:"project"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	By       string    `json:"by,omitempty"` // who had a server make it

	Request     Request  `json:"request"`
	Views       []View   `json:"views"`       // as they were read, in the order of the query
	Definitions string   `json:"definitions"` // the hash of Views
	Sources     []Source `json:"sources"`

	Output  string   `json:"output,omitempty"` // the file, as it was asked for
	Table   string   `json:"table,omitempty"`  // or the table of the warehouse
	Rows    int64    `json:"rows"`
	Columns []Column `json:"columns"`
	Entity  string   `json:"entity_rows"` // the hash of the entity rows' columns
	Content string   `json:"content"`     // the hash of all columns
}

// Request is what was asked for.
type Request struct {
	Features  []string `json:"features,omitempty"` // or Service
	Service   string   `json:"feature_service,omitempty"`
	FullNames bool     `json:"full_feature_names,omitempty"`
	Label     string   `json:"label,omitempty"`
	Cutoff    bool     `json:"filter_by_created_timestamp,omitempty"`
	Entities  Entities `json:"entities"`
}

// Entities say where the entity rows came from: one of a file, SQL, JSON, a
// span of time and one time.
type Entities struct {
	Path string     `json:"file,omitempty"`
	SQL  string     `json:"sql,omitempty"`
	JSON string     `json:"json,omitempty"`
	From *time.Time `json:"from,omitempty"` // nil with To: from the oldest row
	To   *time.Time `json:"to,omitempty"`
	At   *time.Time `json:"at,omitempty"`
}

// View is a feature view as the query read it.
type View struct {
	Name      string   `json:"name"`
	Source    string   `json:"source"`
	Reads     string   `json:"reads"` // the hash of what the source reads: its file, table or query
	Timestamp string   `json:"timestamp"`
	Created   string   `json:"created,omitempty"`
	TTL       string   `json:"ttl,omitempty"`
	Keys      []string `json:"keys"`     // entity column = source column, type
	Features  []string `json:"features"` // output column = source column, type
	Order     []string `json:"order"`
}

// Source is what a source held when it was read.
type Source struct {
	Name   string    `json:"name"`
	Rows   int64     `json:"rows"`
	Oldest time.Time `json:"oldest,omitzero"`
	Newest time.Time `json:"newest,omitzero"`

	// Where another database holds it.
	Connection string `json:"connection,omitempty"` // its name in asof.connections
	Place      string `json:"place,omitempty"`      // PostgreSQL at host:port/database
}

// ViewOf describes a view.
func ViewOf(q *asof.ViewQuery) View {
	v := View{Name: q.View, Source: q.Source.Name, Reads: readsOf(q.Source), Timestamp: q.Timestamp, Created: q.Created, Order: q.Order}
	if q.TTL > 0 {
		v.TTL = q.TTL.String()
	}
	for _, k := range q.Keys {
		v.Keys = append(v.Keys, fmt.Sprintf("%s = %s, %s", k.Entity, k.Column, k.Type))
	}
	for _, f := range q.Features {
		v.Features = append(v.Features, fmt.Sprintf("%s = %s, %s", f.Output, f.Column, f.Type))
	}
	return v
}

// readsOf hashes what a source reads. A query may hold what is nobody's
// business, so it is not kept in words.
func readsOf(s *asof.DataSource) string {
	batch := ""
	if s.Batch != nil {
		batch = readsOf(s.Batch)
	}
	return hashOf([]string{string(s.Kind), s.Path, string(s.FileFormat()), s.Table, s.Query, batch})
}

func hashOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of texts and lists of texts
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Seal fills in what follows from the rest: the hashes and the ID.
func (r *Receipt) Seal(h *Hash, entityColumns []string) {
	r.Format, r.Rows, r.Columns = Format, h.Rows(), h.Columns()
	r.Definitions = hashOf(r.Views)
	r.Content = Sum(r.Rows, r.Columns)
	var entity []Column
	for _, name := range entityColumns {
		entity = append(entity, r.Columns[slices.IndexFunc(r.Columns, func(c Column) bool { return c.Name == name })])
	}
	r.Entity = Sum(r.Rows, entity)
	slices.SortFunc(r.Sources, func(a, b Source) int { return cmp.Compare(a.Name, b.Name) })
	at := hashOf([]string{r.Content, r.Output, r.Table, r.Finished.String()})
	r.ID = r.Finished.UTC().Format("20060102T150405Z") + "-" + at[len("sha256:"):][:6]
}
