package console

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/asof-dev/asof"
)

// sentence is what a page says of a part that failed, "" for nil. What is
// nobody's mistake is told to the log alone.
func (c *Console) sentence(r *request, err error) string {
	if err == nil {
		return ""
	}
	if _, ok := statuses[asof.ErrorCode(err)]; !ok {
		c.o.Log.Error("a part of a page failed", "path", r.URL.Path, "error", err)
		return "the server failed; its log says why"
	}
	return err.Error()
}

// minute is a time as tables have it.
func minute(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// moment is a time as exact as it is.
func moment(t time.Time) string {
	if t.IsZero() || t.Truncate(time.Minute).Equal(t) {
		return minute(t)
	}
	return t.UTC().Format("2006-01-02 15:04:05.999999 UTC")
}

// short is a value as JSON, the beginning of one that is long.
func short(text json.RawMessage) string {
	const letters = 120
	if utf8.RuneCount(text) <= letters {
		return string(text)
	}
	return string([]rune(string(text))[:letters]) + "…"
}
