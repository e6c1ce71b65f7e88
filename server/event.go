package server

import (
	"net/http"
	"strings"
	"time"
)

// eventWithin is how long a client may take to read an event.
const eventWithin = 10 * time.Second

// Events sends server-sent events, each at once. A client that does not read is
// left: the error of what is sent then says so.
type Events struct {
	out     http.ResponseWriter
	control *http.ResponseController
}

// StreamEvents begins the answer. The client has nothing more to say.
func StreamEvents(w http.ResponseWriter) *Events {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("X-Accel-Buffering", "no") // of proxies
	e := &Events{w, http.NewResponseController(w)}
	_ = e.control.SetReadDeadline(time.Time{}) // where there are deadlines
	return e
}

// Send sends an event. A client that comes again names the last id, which is
// left out where it is "".
func (e *Events) Send(event, id, data string) error {
	if id != "" {
		id = "id: " + id + "\n"
	}
	return e.write(id + "event: " + event + "\ndata: " + strings.ReplaceAll(data, "\n", "\ndata: ") + "\n\n")
}

// Alive sends what keeps proxies from closing, and clients do not see.
func (e *Events) Alive() error { return e.write(": alive\n\n") }

func (e *Events) write(text string) error {
	_ = e.control.SetWriteDeadline(time.Now().Add(eventWithin))
	if _, err := e.out.Write([]byte(text)); err != nil {
		return err
	}
	return e.control.Flush()
}
