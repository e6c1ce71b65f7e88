package httpapi

import (
	"strconv"
	"time"

	"github.com/asof-dev/asof/materialize"
	"github.com/asof-dev/asof/value"
)

// appendJob appends a job as an object.
func appendJob(dst []byte, job *materialize.Job) []byte {
	status := "done"
	switch {
	case job.Finished.IsZero():
		status = "running"
	case job.Err != nil:
		status = "failed"
	}
	dst = append(dst, `{"job":"`+job.ID+`","status":"`+status+`","feature_views":`...)
	dst = appendNames(dst, job.Views)
	dst = appendInstant(append(dst, `,"started":`...), job.Started)
	dst = appendInstant(append(dst, `,"finished":`...), job.Finished)
	dst = append(dst, `,"results":[`...)
	for i := range job.Results {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendResult(dst, &job.Results[i])
	}
	dst = append(dst, ']')
	if job.Err != nil {
		dst = value.AppendQuoted(append(dst, `,"error":`...), job.Err.Error(), false)
	}
	return append(dst, '}')
}

// appendResult appends what a job did for one view.
func appendResult(dst []byte, r *materialize.Result) []byte {
	dst = value.AppendQuoted(append(dst, `{"feature_view":`...), r.View, false)
	dst = appendInstant(append(dst, `,"from":`...), r.Span.From)
	dst = appendInstant(append(dst, `,"to":`...), r.Span.To)
	dst = strconv.AppendInt(append(dst, `,"rows_read":`...), r.Read, 10)
	dst = strconv.AppendInt(append(dst, `,"keys_written":`...), r.Written, 10)
	dst = appendInstant(append(dst, `,"newest_event":`...), r.Newest)
	dst = strconv.AppendFloat(append(dst, `,"seconds":`...), r.Took.Seconds(), 'f', 3, 64)
	dst = appendNames(append(dst, `,"notes":`...), r.Notes)
	if r.Err != nil {
		dst = value.AppendQuoted(append(dst, `,"error":`...), r.Err.Error(), false)
	}
	return append(dst, '}')
}

func appendNames(dst []byte, names []string) []byte {
	dst = append(dst, '[')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = value.AppendQuoted(dst, name, false)
	}
	return append(dst, ']')
}

// appendInstant appends a time in RFC 3339, null for none.
func appendInstant(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, "null"...)
	}
	return t.UTC().AppendFormat(append(dst, '"'), `2006-01-02T15:04:05.999999Z07:00"`)
}
