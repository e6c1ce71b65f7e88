package grpcapi

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/value"
)

// The fields of Feast's messages for a request.
const (
	requestService  = 1 // of GetOnlineFeaturesRequest
	requestFeatures = 2
	requestEntities = 3
	requestFullName = 4
	requestContext  = 5
	requestVersions = 6

	listVal = 1 // of FeatureList and RepeatedValue

	entryKey   = 1 // of a map's entry
	entryValue = 2

	valueBytes  = 1 // of feast.types.Value
	valueString = 2
	valueInt32  = 3
	valueInt64  = 4
	valueTime   = 8
	valueNull   = 19
)

// request is a GetOnlineFeaturesRequest. Its lists are used again.
type request struct {
	serving.Request
	versions bool
	broken   bool // the message can't be read
}

// maxKept is how many columns and cells a request may have to be kept for the
// next call.
const maxKept = 64 << 10

func (r *request) release() {
	kept := cap(r.Entities)
	for i := range r.Entities {
		clear(r.Entities[i].Values) // they hold on to the message
		kept += cap(r.Entities[i].Values)
	}
	if kept <= maxKept {
		requests.Put(r)
	}
}

// parse reads the message. Its strings share one copy of it. A broken one is
// the handler's to refuse: gRPC would call an error here our own.
func (r *request) parse(message []byte) {
	r.Selection, r.Entities, r.versions = serving.Selection{Features: r.Features[:0]}, r.Entities[:0], false
	m := reader{data: message, text: string(message), end: len(message)}
	for m.next() {
		switch m.field {
		case requestService:
			r.Service = m.string()
		case requestFeatures:
			for list := m.message(); list.nextOf(&m); {
				if list.field == listVal {
					r.Features = append(r.Features, list.string())
				}
			}
		case requestEntities, requestContext:
			r.column(&m)
		case requestFullName:
			r.FullNames = m.number() != 0
		case requestVersions:
			r.versions = m.number() != 0
		}
	}
	r.broken = m.bad
}

// column reads an entry of the map of columns.
func (r *request) column(m *reader) {
	n := len(r.Entities)
	if n < cap(r.Entities) {
		r.Entities = r.Entities[:n+1]
	} else {
		r.Entities = append(r.Entities, serving.Column{})
	}
	c := &r.Entities[n]
	c.Name, c.Values = "", c.Values[:0]
	for entry := m.message(); entry.nextOf(m); {
		switch entry.field {
		case entryKey:
			c.Name = entry.string()
		case entryValue:
			for values := entry.message(); values.nextOf(&entry); {
				if values.field == listVal {
					c.Values = append(c.Values, cell(&values))
				}
			}
		}
	}
}

// cell reads a value. One that can be no key is there as its JSON, without the
// quotation marks of a text such as NaN.
func cell(values *reader) (c serving.Cell) {
	v := values.message()
	whole := v.data[v.at:v.end]
	for v.nextOf(values) {
		switch v.field {
		case valueString:
			c = serving.Text(v.string())
		case valueInt32, valueInt64, valueTime:
			c = serving.Whole(int64(v.number()))
		case valueBytes:
			c = serving.Binary(v.string())
		case valueNull:
			c = serving.Cell{}
		default:
			c = serving.Other(strings.Trim(string(value.AppendJSON(nil, whole, value.Plain)), `"`))
		}
	}
	return c
}

// reader goes through the fields of a message.
type reader struct {
	data    []byte
	text    string // the same
	at, end int
	field   protowire.Number
	typ     protowire.Type
	from    int // where the value of the field starts
	bad     bool
}

// next goes to the next field; false at the end, and where the message is bad.
func (r *reader) next() bool {
	if r.bad || r.at >= r.end {
		return false
	}
	var n int
	r.field, r.typ, n = protowire.ConsumeTag(r.data[r.at:r.end])
	if n < 0 {
		r.bad = true
		return false
	}
	r.from = r.at + n
	if n = protowire.ConsumeFieldValue(r.field, r.typ, r.data[r.from:r.end]); n < 0 {
		r.bad = true
		return false
	}
	r.at = r.from + n
	return true
}

// nextOf is next for a message within another one, which is bad with it.
func (r *reader) nextOf(outer *reader) bool {
	more := r.next()
	outer.bad = outer.bad || r.bad
	return more
}

// message returns a reader of the field's value as a message.
func (r *reader) message() reader {
	if r.typ != protowire.BytesType {
		return reader{bad: true}
	}
	_, n := protowire.ConsumeVarint(r.data[r.from:r.at]) // its length, which next has checked
	return reader{data: r.data, text: r.text, at: r.from + n, end: r.at}
}

func (r *reader) string() string {
	m := r.message()
	r.bad = r.bad || m.bad
	return r.text[m.at:m.end]
}

func (r *reader) number() uint64 {
	v, n := protowire.ConsumeVarint(r.data[r.from:r.at])
	r.bad = r.bad || n < 0 || r.typ != protowire.VarintType
	return v
}
