package grpcapi

import (
	"fmt"
	"sync"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// codec carries the messages of online reads as bytes, which are taken apart
// and put together where they are used, and all others as protobuf does.
type codec struct{}

// Name is that of the usual codec: on the wire there is no difference.
func (codec) Name() string { return "proto" }

// Marshal gives the bytes of a message to gRPC, which frees them.
func (codec) Marshal(v any) (mem.BufferSlice, error) {
	switch m := v.(type) {
	case *reply:
		return mem.BufferSlice{mem.NewBuffer(m.bytes, pool)}, nil
	case proto.Message:
		bytes, err := proto.Marshal(m)
		return mem.BufferSlice{mem.SliceBuffer(bytes)}, err
	}
	return nil, fmt.Errorf("%T is no message", v)
}

// Unmarshal reads the bytes of a message. A request keeps a copy: its parts
// are used after the bytes are freed.
func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	whole := data.MaterializeToBuffer(pool)
	defer whole.Free()
	switch m := v.(type) {
	case *request:
		m.parse(whole.ReadOnlyData())
		return nil
	case proto.Message:
		return proto.Unmarshal(whole.ReadOnlyData(), m)
	}
	return fmt.Errorf("%T is no message", v)
}

// reply is an answer as the bytes of its message, which are of the pool.
type reply struct{ bytes *[]byte }

// bufferPool keeps the buffers of answers and requests.
type bufferPool struct{ pool sync.Pool }

var pool = &bufferPool{sync.Pool{New: func() any {
	b := make([]byte, 0, smallest)
	return &b
}}}

// smallest is the capacity that buffers begin with; gRPC does not give smaller
// ones than 1 KiB back. Larger ones than largest are not kept.
const (
	smallest = 4 << 10
	largest  = 1 << 20
)

// Get returns a buffer of a length.
func (p *bufferPool) Get(length int) *[]byte {
	b := p.pool.Get().(*[]byte)
	if cap(*b) < length {
		*b = make([]byte, length)
	}
	*b = (*b)[:length]
	return b
}

// Put takes a buffer back.
func (p *bufferPool) Put(b *[]byte) {
	if cap(*b) <= largest {
		p.pool.Put(b)
	}
}
