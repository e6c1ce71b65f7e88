package console

import (
	"context"
	"encoding/json"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/value"
)

// cell is the value of a feature on one side.
type cell struct {
	message []byte // a feast.types.Value
	status  asof.Status
	event   time.Time // zero: none, or not known
}

// lookedValue is a feature, online beside offline; a side that could not be
// read is nil.
type lookedValue struct {
	Feature link            `json:"feature"`
	Name    string          `json:"name"`
	Online  *onlineValue    `json:"online,omitempty"`
	Offline json.RawMessage `json:"offline,omitempty"`
	Differs bool            `json:"differs"`
	History string          `json:"-"` // the address of its history
}

type onlineValue struct {
	Value  json.RawMessage `json:"value"`
	Status string          `json:"status"`
	Event  time.Time       `json:"event_timestamp,omitzero"`
}

var statusNames = map[asof.Status]string{asof.StatusPresent: "PRESENT", asof.StatusNullValue: "NULL_VALUE", asof.StatusNotFound: "NOT_FOUND", asof.StatusOutsideMaxAge: "OUTSIDE_MAX_AGE"}

// online reads the features online.
func (q *inquiry) online(ctx context.Context) (cells []cell, wrong string) {
	wrong = q.within(ctx, onlineTime, "the online store", func(ctx context.Context) error {
		reader, err := q.c.o.Lookup.Reader(ctx)
		if err != nil {
			return err
		}
		request := serving.Request{Selection: serving.Selection{Features: q.references, Service: q.service, FullNames: true}}
		for _, name := range q.names() {
			request.Entities = append(request.Entities, serving.Column{Name: name, Values: []serving.Cell{serving.Text(q.texts[name])}})
		}
		answer, err := reader.Read(ctx, &request)
		if err != nil {
			return err
		}
		defer answer.Release()
		for column := answer.Keys(); column < answer.Columns(); column++ {
			c := cell{message: append([]byte{}, answer.Value(column, 0)...), status: answer.Status(column, 0)}
			if event := answer.Event(column, 0); event != 0 {
				c.event = time.UnixMicro(event).UTC()
			}
			cells = append(cells, c)
		}
		return nil
	})
	return cells, wrong
}

// offline joins the key as of the time.
func (q *inquiry) offline(ctx context.Context) (cells []cell, wrong string) {
	wrong = q.within(ctx, offlineTime, "the offline store", func(ctx context.Context) error {
		r := historical.Request{Snapshot: q.all, References: q.references, Service: q.service, FullNames: true, Workers: q.c.o.Lookup.Workers}
		if err := q.mayReadOffline(ctx, r); err != nil {
			return err
		}
		row := map[string]string{asof.EventTimestamp: q.at.Format(time.RFC3339Nano)}
		for _, name := range q.names() {
			row[name] = q.texts[name]
		}
		text, err := json.Marshal([]any{row})
		if err != nil {
			return err
		}
		r.Entities.JSON = string(text)
		if r.Store, err = q.c.o.Lookup.Offline(ctx); err != nil {
			return err
		}
		rows, err := historical.Records(ctx, r)
		if err != nil {
			return err
		}
		defer rows.Release()
		for rows.Next() {
			if cells, err = q.cellsOf(rows.RecordBatch()); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return cells, wrong
}

// cellsOf takes the features of the one row.
func (q *inquiry) cellsOf(batch arrow.RecordBatch) ([]cell, error) {
	cells := make([]cell, len(q.features))
	first := int(batch.NumCols()) - len(cells)
	for i, f := range q.features {
		if column := batch.Column(first + i); batch.NumRows() > 0 && column.IsValid(0) {
			var err error
			if cells[i].message, err = value.Append(nil, f.typ, column, 0); err != nil {
				return nil, asof.Errorf(asof.CodeInvalid, "feature %q: %w", f.name, err)
			}
		}
	}
	return cells, nil
}

// mayReadOffline refuses who may not read what the request is answered from.
func (q *inquiry) mayReadOffline(ctx context.Context, r historical.Request) error {
	guard := q.c.o.Guard
	if guard == nil {
		return nil
	}
	views, err := historical.Reads(r)
	if err != nil {
		return err
	}
	var read []asof.Object
	for _, v := range views {
		read = append(read, v)
	}
	return guard.Check(ctx, q.all, permission.ReadOffline, read...)
}

// beside puts the sides side by side; nil is one that could not be read.
func (q *inquiry) beside(online, offline []cell) []lookedValue {
	list := make([]lookedValue, len(q.features))
	for i, f := range q.features {
		v := lookedValue{Feature: f.page, Name: f.name}
		if online != nil {
			v.Online = &onlineValue{shownJSON(online[i].message), statusNames[online[i].status], online[i].event}
		}
		if offline != nil {
			v.Offline = shownJSON(offline[i].message)
		}
		v.Differs = online != nil && offline != nil && !value.Same(online[i].message, offline[i].message)
		if f.plain {
			v.History = q.href("feature", f.name) + "#history"
		}
		list[i] = v
	}
	return list
}

// shownJSON is a value as JSON.
func shownJSON(message []byte) json.RawMessage {
	text := value.AppendJSON(nil, message, value.Plain)
	if !json.Valid(text) {
		text, _ = json.Marshal(string(text)) // a string always can be
	}
	return text
}
