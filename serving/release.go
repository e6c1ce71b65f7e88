package serving

import (
	"unsafe"

	"github.com/asof-dev/asof"
)

// maxKept is how many bytes an answer may hold to be kept for the next request.
// Larger ones are rare, and would stay in memory for good.
const maxKept = 4 << 20

// Release gives the answer's memory back. The answer and every slice taken
// from it must not be used afterwards. One that was chosen for the sink goes
// there first.
func (a *Answer) Release() {
	for i := range a.values {
		clear(a.values[i]) // they hold on to the request
	}
	clear(a.one)
	if a.sampled {
		a.sampled = false
		if a.plan.sink.Take(a) {
			return
		}
	}
	if a.Size() > maxKept {
		return
	}
	clear(a.sent)
	a.plan, a.rows = nil, 0
	a.reader.answers.Put(a)
}

// Size returns about how many bytes the answer holds.
func (a *Answer) Size() int {
	n := cap(a.tails.text) + sizeOf(a.tails.all) + cap(a.out.text) + sizeOf(a.out.cuts) + sizeOf(a.out.texts) + cap(a.times.text) + sizeOf(a.each) + sizeOf(a.one)
	for i := range a.keys[:cap(a.keys)] {
		k := &a.keys[:cap(a.keys)][i]
		n += cap(k.buf) + sizeOf(k.ends)
	}
	for _, v := range a.values[:cap(a.values)] {
		n += sizeOf(v)
	}
	for i := range a.groups[:cap(a.groups)] {
		n += a.groups[:cap(a.groups)][i].size()
	}
	for _, readings := range [][]asof.Reading{a.readings, a.outputs} {
		for i := range readings[:cap(readings)] {
			r := &readings[:cap(readings)][i]
			n += cap(r.Buf) + sizeOf(r.Spans) + sizeOf(r.Events) + cap(r.Found)
		}
	}
	return n
}

func (s *keySet) size() int {
	return cap(s.buf) + sizeOf(s.at) + sizeOf(s.keys) + sizeOf(s.ends) + sizeOf(s.table)
}

// sizeOf returns how many bytes the elements have for which there is room.
func sizeOf[T any](s []T) int {
	var one T
	return cap(s) * int(unsafe.Sizeof(one))
}
