package tablefile

import "time"

// dateLength is the length of 2024-01-31.
const dateLength = 10

// parseDate reads the date that a text starts with, as days since 1970.
func parseDate(text []byte) (days int64, ok bool) {
	if len(text) < dateLength || text[4] != '-' || text[7] != '-' {
		return 0, false
	}
	century, ok1 := twoDigits(text)
	year, ok2 := twoDigits(text[2:])
	month, ok3 := twoDigits(text[5:])
	day, ok4 := twoDigits(text[8:])
	if !ok1 || !ok2 || !ok3 || !ok4 || month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, false
	}
	t := time.Date(century*100+year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return floorDays(t.Unix()), t.Day() == day // the 30th of February is another day
}

func floorDays(seconds int64) int64 {
	const day = 24 * 60 * 60
	days := seconds / day
	if seconds%day < 0 {
		days--
	}
	return days
}

func twoDigits(text []byte) (int, bool) {
	a, b := text[0]-'0', text[1]-'0'
	return int(a)*10 + int(b), a < 10 && b < 10
}

// parseInstant reads a time as microseconds since 1970; a part of a
// microsecond counts as a whole one, so that a value is never known too early.
// The usual forms are read without the standard library.
func parseInstant(value []byte) (int64, bool) {
	const clock = len("2024-01-31 23:59:59")
	if len(value) < clock || value[10] != ' ' && value[10] != 'T' || value[13] != ':' || value[16] != ':' {
		return parseAnyInstant(string(value))
	}
	days, ok := parseDate(value)
	hour, ok1 := twoDigits(value[11:])
	minute, ok2 := twoDigits(value[14:])
	second, ok3 := twoDigits(value[17:])
	if !ok || !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 59 {
		return parseAnyInstant(string(value))
	}
	micros, rest := int64(0), value[clock:]
	if len(rest) > 1 && rest[0] == '.' {
		v, n := leadingDigits(rest[1:])
		if n == 0 || n > 6 {
			return parseAnyInstant(string(value))
		}
		micros, rest = int64(v*tens[6-n]), rest[1+n:]
	}
	if zone := string(rest); zone != "" && zone != "Z" && zone != "+00:00" {
		return parseAnyInstant(string(value))
	}
	return (((days*24+int64(hour))*60+int64(minute))*60+int64(second))*1e6 + micros, true
}

// parseAnyInstant is parseInstant for a time of any form.
func parseAnyInstant(s string) (int64, bool) {
	for _, layout := range []string{"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999Z07:00",
		"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			if rest := t.Nanosecond() % 1000; rest > 0 {
				t = t.Add(time.Duration(1000 - rest))
			}
			return t.UnixMicro(), true
		}
	}
	return 0, false
}
