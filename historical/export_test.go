package historical

import "github.com/apache/arrow-go/v18/arrow/memory"

// WithAllocator returns the request with an allocator that a test can check.
func (r Request) WithAllocator(mem memory.Allocator) Request {
	r.mem = mem
	return r
}
