package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/asof-dev/asof/serving"
)

// buffer is the memory of one request, used again.
type buffer struct {
	in       []byte
	out      []byte
	request  serving.Request
	versions bool
}

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// maxKept is how large a buffer may be to be kept for the next request.
const maxKept = 1 << 20

func (b *buffer) release() {
	if cap(b.in)+cap(b.out) > maxKept {
		return
	}
	for i := range b.request.Entities {
		clear(b.request.Entities[i].Values) // they hold on to the body
	}
	buffers.Put(b)
}

// online answers POST /get-online-features.
func (h *handler) online(w http.ResponseWriter, r *http.Request) {
	b := buffers.Get().(*buffer)
	defer b.release()
	if err := b.read(w, r, h.MaxBody); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			writeDetail(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the request is larger than %d bytes; split it", h.MaxBody))
			return
		}
		writeDetail(w, http.StatusBadRequest, "the request could not be read to its end: "+err.Error())
		return
	}
	if wrong := b.parse(); wrong != nil {
		b.out = wrong.append(b.out[:0])
		write(w, http.StatusUnprocessableEntity, b.out)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.Timeout)
	defer cancel()
	answer, err := h.Reader.Read(ctx, &b.request)
	if err != nil {
		h.failFeast(w, r, err)
		return
	}
	b.out = answer.AppendFeast(b.out[:0], b.versions)
	answer.Release()
	write(w, http.StatusOK, b.out)
}

// read reads the body.
func (b *buffer) read(w http.ResponseWriter, r *http.Request, limit int64) error {
	body := http.MaxBytesReader(w, r.Body, limit)
	b.in = b.in[:0]
	for {
		if len(b.in) == cap(b.in) {
			b.in = append(b.in, make([]byte, max(512, cap(b.in)))...)[:len(b.in)]
		}
		n, err := body.Read(b.in[len(b.in):cap(b.in)])
		b.in = b.in[:len(b.in)+n]
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}
