package httpapi

import (
	"io"
	"net"
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

// sender sends an answer part by part.
type sender struct {
	w     http.ResponseWriter
	b     *buffer
	lists io.ReaderFrom // takes lists of texts for the kernel to gather; nil where there is none
	list  net.Buffers
	begun bool
}

func newSender(w http.ResponseWriter, r *http.Request, b *buffer) *sender {
	s := &sender{w: w, b: b}
	if r.TLS == nil { // otherwise the texts have to be encrypted first
		s.lists, _ = unwrapped(w).(io.ReaderFrom)
	}
	return s
}

// piece is what is gathered of texts before it is sent: no more than stays in a
// processor's cache, and no less than is worth a call.
const piece = 256 << 10

// send is a serving.Send. A caller who went away is no error of ours.
func (s *sender) send(texts [][]byte, length int) {
	if len(texts) == 1 && length > 0 {
		write(s.w, http.StatusOK, texts[0])
		return
	}
	if !s.begun {
		s.begun = true
		header := s.w.Header()
		header["Content-Type"] = jsonType
		if length > 0 {
			header["Content-Length"] = []string{strconv.Itoa(length)}
		}
		s.w.WriteHeader(http.StatusOK)
	}
	if s.lists != nil && length > 0 { // without a length each text would become a chunk
		s.list = texts
		_, _ = s.lists.ReadFrom(&s.list)
		return
	}
	out := s.b.out[:0]
	for _, text := range texts {
		if len(out)+len(text) > piece {
			_, _ = s.w.Write(out)
			out = out[:0]
		}
		if len(text) >= piece {
			_, _ = s.w.Write(text)
			continue
		}
		out = append(out, text...)
	}
	_, _ = s.w.Write(out)
	s.b.out = out
}
