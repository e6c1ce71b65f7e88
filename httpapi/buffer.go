package httpapi

import (
	"sync"
	"unsafe"

	"github.com/asof-dev/asof/serving"
)

// buffer is the memory of one request, used again.
type buffer struct {
	in       []byte
	out      []byte
	request  serving.Request // its texts may be parts of in
	versions bool
}

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// maxKept is how many bytes a buffer may hold to be kept for the next request.
const maxKept = 1 << 20

// release ends the request: its answer has to be released before.
func (b *buffer) release() {
	b.reset()
	size := cap(b.in) + cap(b.out)
	for _, c := range b.request.Entities[:cap(b.request.Entities)] {
		size += cap(c.Values) * int(unsafe.Sizeof(serving.Cell{}))
	}
	if size <= maxKept {
		buffers.Put(b)
	}
}

// reset empties the request, and keeps its memory.
func (b *buffer) reset() {
	entities := b.request.Entities[:cap(b.request.Entities)]
	for i := range entities {
		clear(entities[i].Values)
		entities[i].Name, entities[i].Values = "", entities[i].Values[:0]
	}
	clear(b.request.Features)
	b.request = serving.Request{Selection: serving.Selection{Features: b.request.Features[:0]}, Entities: entities[:0]}
	b.versions = false
}

// body returns what was read as text that shares its memory.
func (b *buffer) body() string { return unsafe.String(unsafe.SliceData(b.in), len(b.in)) }

// addColumn adds a column to the request.
func (b *buffer) addColumn(name string) *serving.Column {
	n := len(b.request.Entities)
	if n == cap(b.request.Entities) {
		b.request.Entities = append(b.request.Entities, serving.Column{})
	}
	b.request.Entities = b.request.Entities[:n+1]
	c := &b.request.Entities[n]
	c.Name = name
	return c
}

// column returns the column of that name, a new one where there is none.
func (b *buffer) column(name string) *serving.Column {
	for i := range b.request.Entities {
		if c := &b.request.Entities[i]; c.Name == name {
			return c
		}
	}
	return b.addColumn(name)
}
