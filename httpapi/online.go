package httpapi

import (
	"context"
	"io"
	"iter"
	"net/http"

	"github.com/asof-dev/asof/serving"
)

// online answers POST /get-online-features.
func (h *handler) online(w http.ResponseWriter, r *http.Request) {
	b := buffers.Get().(*buffer)
	defer b.release()
	if !h.readBody(w, r, b, h.MaxBody) {
		return
	}
	if wrong := b.parse(); wrong != nil {
		b.out = wrong.append(b.out[:0])
		write(w, http.StatusUnprocessableEntity, b.out)
		return
	}
	err := h.answer(w, r, b, func(ctx context.Context) (*serving.Answer, error) { return h.Reader.Read(ctx, &b.request) },
		func(a *serving.Answer) {
			a.SendFeast(b.versions, newSender(w, r, b).send)
		})
	if err != nil {
		h.failFeast(w, r, err)
	}
}

// entities answers GET /features.
func (h *handler) entities(w http.ResponseWriter, r *http.Request) {
	b := buffers.Get().(*buffer)
	defer b.release()
	err := b.parseQuery(r.URL.RawQuery, true)
	if err == nil {
		h.chooseDefault(b)
		err = h.answer(w, r, b, func(ctx context.Context) (*serving.Answer, error) { return h.Reader.Read(ctx, &b.request) },
			func(a *serving.Answer) {
				a.SendRows(newSender(w, r, b).send)
			})
	}
	if err != nil {
		h.fail(w, r, err)
	}
}

// entity answers GET /features/{key}.
func (h *handler) entity(w http.ResponseWriter, r *http.Request, key string) {
	b := buffers.Get().(*buffer)
	defer b.release()
	err := b.parseQuery(r.URL.RawQuery, false)
	if err == nil {
		h.chooseDefault(b)
		err = h.answer(w, r, b, func(ctx context.Context) (*serving.Answer, error) {
			return h.Reader.ReadKey(ctx, key, b.request.Selection)
		},
			func(a *serving.Answer) {
				b.out = a.AppendEntity(b.out[:0], 0)
				write(w, http.StatusOK, b.out)
			})
	}
	if err != nil {
		h.fail(w, r, err)
	}
}

// chooseDefault completes a query that says nothing of features.
func (h *handler) chooseDefault(b *buffer) {
	if s := &b.request.Selection; len(s.Features) == 0 && s.Service == "" {
		s.Features, s.Every = append(s.Features, h.Features...), len(h.Features) == 0
	}
}

// answer reads within the bounds of time and load, and shows the answer.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, b *buffer, read func(context.Context) (*serving.Answer, error), show func(*serving.Answer)) error {
	rows := b.request.Rows()
	if err := h.Load.Enter(rows); err != nil {
		h.note(w, b, nil, true)
		return err
	}
	defer h.Load.Leave(rows)
	ctx, cancel := context.WithTimeout(r.Context(), h.Timeout)
	defer cancel()
	a, err := read(ctx)
	h.note(w, b, a, false)
	if err != nil {
		return err
	}
	defer a.Release()
	if h.Freshness != nil {
		if text := h.Freshness(viewNames(a)); text != "" {
			w.Header()["Asof-Freshness"] = []string{text}
		}
	}
	show(a)
	return nil
}

// viewNames are the views that an answer holds values of.
func viewNames(a *serving.Answer) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, v := range a.Views() {
			if !yield(v.Name) {
				return
			}
		}
	}
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
