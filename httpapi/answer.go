package httpapi

import (
	"net/http"
	"strconv"
)

var (
	jsonType   = []string{"application/json"}
	retryAfter = []string{"1"} // seconds
)

// write sends a JSON answer of known length.
func write(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header["Content-Type"] = jsonType
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	if status == http.StatusServiceUnavailable {
		header["Retry-After"] = retryAfter
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller who went away is no error of ours
}

// pieces sends an answer that outgrows a piece while it is being made.
type pieces struct {
	w       http.ResponseWriter
	started bool
}

// piece is what an answer may grow to in memory before it is sent: no more than
// stays in a processor's cache, and no less than is worth a call each.
const piece = 256 << 10

// flush sends what there is when it is enough for a piece, and returns the rest.
func (p *pieces) flush(body []byte, length int) []byte {
	if len(body) < piece {
		return body
	}
	if !p.started {
		header := p.w.Header()
		header["Content-Type"] = jsonType
		if length > 0 {
			header["Content-Length"] = []string{strconv.Itoa(length)}
		}
		p.w.WriteHeader(http.StatusOK)
		p.started = true
	}
	_, _ = p.w.Write(body)
	return body[:0]
}

// end sends the rest.
func (p *pieces) end(body []byte) {
	if p.started {
		_, _ = p.w.Write(body)
		return
	}
	write(p.w, http.StatusOK, body)
}
