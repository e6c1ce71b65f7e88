package sample

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// row is one user in one month.
type row struct {
	profile
	activity
}

// files are those of a month: their headers, and how a row is written after
// its user_id.
var files = []struct {
	name   string
	header string
	append func(b []byte, r *row) []byte
}{
	{"users.csv", "user_id,signup_date,user_gender,user_is_senior,has_family,has_dependents", appendUser},
	{"subscriptions.csv", "user_id,months_active,plan_stream_tv,plan_stream_movies,contract_type,paperless_billing,monthly_fee,total_paid,net_service", appendSubscription},
	{"usage_agg_30d.csv", "user_id,watch_hours_30d,avg_session_mins_7d,unique_devices_30d,skips_7d,rebuffer_events_7d", appendUsage},
	{"payments_agg_90d.csv", "user_id,failed_payments_90d", appendPayments},
	{"support_agg_90d.csv", "user_id,support_tickets_90d,ticket_avg_resolution_hrs_90d", appendSupport},
	{"labels.csv", "user_id,churn_label", appendLabel},
}

// writeMonth writes the files of one month into dir, all at once, user by user.
func writeMonth(ctx context.Context, g *generator, dir string, month int) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	writers := make([]*bufio.Writer, len(files))
	for i, file := range files {
		f, err := os.Create(filepath.Join(dir, file.name))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		writers[i] = bufio.NewWriterSize(f, 1<<16)
		writers[i].WriteString(file.header + "\n") // Flush reports errors
	}
	line := make([]byte, 0, 256)
	var r row
	for user := range g.options.Users {
		if user%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		r.profile = g.profile(user)
		r.activity = g.activity(user, month, &r.profile)
		for i, file := range files {
			line = append(append(line[:0], r.id...), ',')
			line = append(file.append(line, &r), '\n')
			writers[i].Write(line)
		}
	}
	for _, w := range writers {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func appendUser(b []byte, r *row) []byte {
	b = r.signup.AppendFormat(b, time.DateOnly)
	b = append(append(b, ','), r.gender...)
	b = appendBool(append(b, ','), r.senior)
	b = appendBool(append(b, ','), r.family)
	return appendBool(append(b, ','), r.dependents)
}

func appendSubscription(b []byte, r *row) []byte {
	b = strconv.AppendInt(b, int64(r.months), 10)
	if r.segment.netService == noService {
		b = append(b, ",,"...) // nothing to stream over: not False but unknown
	} else {
		b = appendBool(append(b, ','), r.tv)
		b = appendBool(append(b, ','), r.movies)
	}
	b = append(append(b, ','), r.segment.contract...)
	b = appendBool(append(b, ','), r.paperless)
	b = appendDecimal(append(b, ','), r.fee, 100)
	b = appendDecimal(append(b, ','), r.paid, 100)
	return append(append(b, ','), r.segment.netService...)
}

func appendUsage(b []byte, r *row) []byte {
	b = strconv.AppendFloat(b, r.watchHours, 'f', -1, 64)
	b = strconv.AppendFloat(append(b, ','), avgSessionMins, 'f', -1, 64)
	b = strconv.AppendInt(append(b, ','), int64(r.devices), 10)
	b = strconv.AppendInt(append(b, ','), int64(r.skips), 10)
	return strconv.AppendInt(append(b, ','), int64(r.rebuffer), 10)
}

func appendPayments(b []byte, r *row) []byte {
	return strconv.AppendInt(b, int64(r.failedPayments), 10)
}

func appendSupport(b []byte, r *row) []byte {
	b = strconv.AppendInt(b, int64(r.tickets), 10)
	return appendDecimal(append(b, ','), r.resolutionTenths, 10)
}

func appendLabel(b []byte, r *row) []byte { return appendBool(b, r.churned) }

// appendBool writes a boolean as Python does.
func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, "True"...)
	}
	return append(b, "False"...)
}

// appendDecimal writes units/scale in the shortest form with a decimal point,
// as Python prints a float: 45.25, 20.5, 16.0.
func appendDecimal(b []byte, units, scale int) []byte {
	b = strconv.AppendInt(b, int64(units/scale), 10)
	b = append(b, '.')
	rest := units % scale
	for {
		scale /= 10
		b = append(b, byte('0'+rest/scale))
		if rest %= scale; rest == 0 {
			return b
		}
	}
}
