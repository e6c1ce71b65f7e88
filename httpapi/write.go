package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/asof-dev/asof/push"
	"github.com/asof-dev/asof/value"
)

// writeBody is the body of a request that writes rows.
type writeBody struct {
	name      string // of the push source or the feature view
	to        push.To
	transform bool
	columns   []push.Column
}

// push answers POST /push.
func (h *handler) push(w http.ResponseWriter, r *http.Request) {
	h.take(w, r, "push_source_name", nil, func(ctx context.Context, body *writeBody) (*push.Target, error) {
		return h.Pusher.Source(ctx, body.name, body.to)
	})
}

// writeOnline answers POST /write-to-online-store.
func (h *handler) writeOnline(w http.ResponseWriter, r *http.Request) {
	h.take(w, r, "feature_view_name", []byte("null"), func(ctx context.Context, body *writeBody) (*push.Target, error) {
		return h.Pusher.View(ctx, body.name, body.transform)
	})
}

// take reads rows, finds where they go, and writes them.
func (h *handler) take(w http.ResponseWriter, r *http.Request, name string, done []byte, target func(context.Context, *writeBody) (*push.Target, error)) {
	if h.Pusher == nil {
		writeDetail(w, http.StatusNotFound, "Not Found")
		return
	}
	b := buffers.Get().(*buffer)
	defer b.release()
	if !h.readBody(w, r, b, h.MaxWrite) {
		return
	}
	body, wrong := b.parseWrite(name)
	if wrong != nil {
		write(w, http.StatusUnprocessableEntity, wrong.append(nil))
		return
	}
	if err := h.writes.Enter(len(b.in)); err != nil {
		h.failFeast(w, r, err)
		return
	}
	defer h.writes.Leave(len(b.in))
	ctx, cancel := context.WithTimeout(r.Context(), h.WriteTimeout)
	defer cancel()
	t, err := target(ctx, body)
	if err == nil {
		err = t.Write(ctx, body.columns)
	}
	if err != nil {
		h.failFeast(w, r, err)
		return
	}
	write(w, http.StatusOK, done)
}

// readBody reads a body of at most so many bytes, and answers where it cannot.
func (h *handler) readBody(w http.ResponseWriter, r *http.Request, b *buffer, limit int64) bool {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		writeDetail(w, http.StatusUnsupportedMediaType, "the body is encoded as "+encoding+"; send it as it is")
		return false
	}
	err := b.read(unwrapped(w), r, limit)
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return true
	case errors.As(err, &tooLarge):
		writeDetail(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the request is larger than %d bytes; split it", limit))
	default:
		writeDetail(w, http.StatusBadRequest, "the request could not be read to its end: "+err.Error())
	}
	return false
}

// parseWrite reads a body whose member of that name says where its rows go.
func (b *buffer) parseWrite(nameField string) (*writeBody, *malformed) {
	object, wrong := b.object()
	if wrong == nil && !utf8.ValidString(object) {
		wrong = &malformed{"json_invalid", "", "JSON decode error: the body is no UTF-8", "{}"}
	}
	if wrong != nil {
		return nil, wrong
	}
	body := &writeBody{to: push.Online, transform: true}
	named, rows := false, ""
	for name, v := range members(object) {
		var wrong *malformed
		switch name {
		case nameField:
			body.name, wrong = parseString(v, `,"`+nameField+`"`)
			named = true
		case "df":
			rows = v
		case "to":
			var to string
			to, wrong = parseString(v, `,"to"`)
			body.to = push.To(to)
		case "transform_on_write":
			body.transform, wrong = parseBool(v, `,"transform_on_write"`)
		case "allow_registry_cache": // the registry is never older than this request
			_, wrong = parseBool(v, `,"allow_registry_cache"`)
		}
		if wrong != nil {
			return nil, wrong
		}
	}
	switch {
	case !named:
		return nil, &malformed{"missing", `,"` + nameField + `"`, "Field required", object}
	case rows == "":
		return nil, &malformed{"missing", `,"df"`, "Field required", object}
	case rows[0] != '{':
		return nil, &malformed{"dict_type", `,"df"`, "Input should be a valid dictionary", rows}
	}
	for name, list := range members(rows) {
		if list[0] != '[' {
			return nil, &malformed{"list_type", `,"df",` + string(value.AppendQuoted(nil, name, false)), "Input should be a valid list", list}
		}
		c := push.Column{Name: name, JSON: make([]string, 0, body.rows())}
		for cell := range elements(list) {
			c.JSON = append(c.JSON, cell)
		}
		body.columns = append(body.columns, c)
	}
	return body, nil
}

// rows is how many rows there are, by the first column.
func (b *writeBody) rows() int {
	if len(b.columns) == 0 {
		return 0
	}
	return len(b.columns[0].JSON)
}
