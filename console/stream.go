package console

import (
	"context"
	"net/http"
	"time"
)

// stream answers with what is no page.
func (c *Console) stream(w http.ResponseWriter, r *http.Request, s stream) {
	looking, cancel := context.WithTimeout(r.Context(), c.o.Timeout)
	v, err := c.view(looking)
	cancel()
	if err != nil {
		c.fail(w, r, err)
		return
	}
	ctx, end := context.WithCancel(r.Context())
	defer end()
	go func() { // what follows something ends with the server, and does not hold it up
		select {
		case <-c.o.Stopping:
			end()
		case <-ctx.Done():
		}
	}()
	r = r.WithContext(ctx)
	patient := patientWriter{w, http.NewResponseController(w)}
	if err := s.answer(c, patient, &request{Request: r, view: v, lang: c.languageOf(w, r)}); err != nil {
		c.fail(w, r, err)
	}
}

// patientWriter lets an answer take as long as somebody reads it.
type patientWriter struct {
	http.ResponseWriter
	control *http.ResponseController
}

// readWithin is how long the reader of a stream may take for what was written.
const readWithin = time.Minute

func (w patientWriter) Write(data []byte) (int, error) {
	_ = w.control.SetWriteDeadline(time.Now().Add(readWithin)) // a writer without deadlines has none to move
	return w.ResponseWriter.Write(data)
}

// Unwrap is for http.ResponseController.
func (w patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
