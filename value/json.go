package value

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/asof-dev/asof"
)

// Form says how a value is printed as JSON. In all of them a float has a
// decimal point or an exponent (10.0), and bytes are base64.
type Form uint8

const (
	// Served is what Feast's HTTP server answers: Float32 widened to a double,
	// NaN and the infinities as strings, timestamps as whole seconds, JSON
	// values as the text that they are, a ScalarMap as null.
	Served Form = iota
	// Printed is what Feast's CLI prints: as Served, but letters outside ASCII
	// are escaped, NaN and the infinities are bare words and JSON values are
	// opened. Where Feast's CLI fails (timestamps), it is as Plain.
	Printed
	// Plain is our own: Float32 in the shortest form that reads back as the
	// same Float32, timestamps in RFC 3339, JSON values opened.
	Plain
)

// The tags of the values that most features have.
const (
	tagString  = byte(asof.TypeString)<<3 | byte(protowire.BytesType)
	tagInt32   = byte(asof.TypeInt32)<<3 | byte(protowire.VarintType)
	tagInt64   = byte(asof.TypeInt64)<<3 | byte(protowire.VarintType)
	tagFloat64 = byte(asof.TypeFloat64)<<3 | byte(protowire.Fixed64Type)
	tagFloat32 = byte(asof.TypeFloat32)<<3 | byte(protowire.Fixed32Type)
	tagBool    = byte(asof.TypeBool)<<3 | byte(protowire.VarintType)
)

// AppendJSON appends a Value message as JSON; no bytes, and bytes that are no
// Value, are null. Numbers, booleans and short strings, which is all that most
// answers hold, come first.
func AppendJSON(dst []byte, v []byte, form Form) []byte {
	if len(v) < 2 {
		return appendMessage(dst, v, form)
	}
	switch tag, rest := v[0], v[1:]; {
	case tag == tagFloat32 && len(rest) == 4:
		return appendFloat(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(rest))), 32, form)
	case tag == tagFloat64 && len(rest) == 8:
		return appendFloat(dst, math.Float64frombits(binary.LittleEndian.Uint64(rest)), 64, form)
	case tag == tagString && int(rest[0]) == len(rest)-1 && rest[0] < 0x80:
		return AppendQuoted(dst, rest[1:], form == Printed)
	case (tag == tagInt64 || tag == tagInt32) && len(rest) == 1 && rest[0] < 0x80:
		return strconv.AppendInt(dst, int64(rest[0]), 10)
	case tag == tagBool && len(rest) == 1 && rest[0] < 0x80:
		return strconv.AppendBool(dst, rest[0] != 0)
	case tag == tagInt64 || tag == tagInt32:
		if whole, n := protowire.ConsumeVarint(rest); n == len(rest) {
			return strconv.AppendInt(dst, int64(whole), 10)
		}
	}
	return appendMessage(dst, v, form)
}

func appendMessage(dst, v []byte, form Form) []byte {
	if len(v) == 0 {
		return append(dst, "null"...)
	}
	number, typ, n := protowire.ConsumeTag(v)
	if n < 0 || typ != wire(asof.ValueType(number)) {
		return append(dst, "null"...)
	}
	p := payload{form: form, rest: v[n:]}
	start := len(dst)
	dst = p.append(dst, asof.ValueType(number))
	if p.bad {
		return append(dst[:start], "null"...)
	}
	return dst
}

// payload reads what follows a tag, and appends it.
type payload struct {
	form Form
	rest []byte
	bad  bool
}

func (p *payload) varint() int64 {
	v, n := protowire.ConsumeVarint(p.rest)
	p.skip(n)
	return int64(v)
}

func (p *payload) bytes() []byte {
	v, n := protowire.ConsumeBytes(p.rest)
	p.skip(n)
	return v
}

func (p *payload) skip(n int) {
	if n < 0 {
		p.bad, p.rest = true, nil
		return
	}
	p.rest = p.rest[n:]
}

// append appends the payload of a Value field of type t.
func (p *payload) append(dst []byte, t asof.ValueType) []byte {
	if elem, ok := asof.Scalar(t).Element(); ok {
		return p.list(dst, p.bytes(), elem.Value)
	}
	switch t {
	case asof.TypeNull:
		p.varint()
		return append(dst, "null"...)
	case asof.TypeMap, asof.TypeStruct:
		return p.object(dst, p.bytes())
	case asof.TypeValueList, asof.TypeValueSet:
		return p.list(dst, p.bytes(), asof.TypeInvalid)
	case asof.TypeScalarMap:
		return p.scalarMap(dst, p.bytes())
	case asof.TypeZonedTimestamp:
		return p.zoned(dst, p.bytes())
	}
	return p.scalar(dst, t)
}

func (p *payload) scalar(dst []byte, t asof.ValueType) []byte {
	switch t {
	case asof.TypeInt32, asof.TypeInt64:
		return appendInt(dst, p.varint())
	case asof.TypeUnixTimestamp:
		return p.time(dst, p.varint())
	case asof.TypeBool:
		if p.varint() != 0 {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case asof.TypeFloat64:
		v, n := protowire.ConsumeFixed64(p.rest)
		p.skip(n)
		return appendFloat(dst, math.Float64frombits(v), 64, p.form)
	case asof.TypeFloat32:
		v, n := protowire.ConsumeFixed32(p.rest)
		p.skip(n)
		return appendFloat(dst, float64(math.Float32frombits(v)), 32, p.form)
	case asof.TypeBytes:
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), p.bytes())
		return append(dst, '"')
	case asof.TypeJSON:
		if text := p.bytes(); p.form != Served && json.Valid(text) {
			return appendCompact(dst, text, p.form == Printed)
		} else {
			return AppendQuoted(dst, text, p.form == Printed)
		}
	}
	return AppendQuoted(dst, p.bytes(), p.form == Printed)
}

// list appends a list message; elements of TypeInvalid are whole Values.
func (p *payload) list(dst, body []byte, elem asof.ValueType) []byte {
	in := payload{form: p.form, rest: body, bad: p.bad}
	dst = append(dst, '[')
	first := true
	comma := func() {
		if !first {
			dst = append(dst, ',')
		}
		first = false
	}
	for len(in.rest) > 0 {
		_, typ, n := protowire.ConsumeTag(in.rest)
		in.skip(n)
		switch {
		case in.bad:
		case elem == asof.TypeInvalid:
			comma()
			dst = AppendJSON(dst, in.bytes(), p.form)
		case elem == asof.TypeMap || elem == asof.TypeStruct:
			comma()
			dst = in.object(dst, in.bytes())
		case typ == protowire.BytesType && wire(elem) != protowire.BytesType:
			numbers := payload{form: p.form, rest: in.bytes()}
			for len(numbers.rest) > 0 {
				comma()
				dst = numbers.scalar(dst, elem)
			}
			in.bad = in.bad || numbers.bad
		default:
			comma()
			dst = in.scalar(dst, elem)
		}
	}
	p.bad = p.bad || in.bad
	return append(dst, ']')
}

// object appends a Map message.
func (p *payload) object(dst, body []byte) []byte {
	dst = append(dst, '{')
	in := payload{form: p.form, rest: body}
	for first := true; len(in.rest) > 0; first = false {
		key, v := in.entry()
		if in.bad {
			break
		}
		if !first {
			dst = append(dst, ',')
		}
		dst = append(AppendQuoted(dst, key, p.form == Printed), ':')
		dst = AppendJSON(dst, v, p.form)
	}
	p.bad = p.bad || in.bad
	return append(dst, '}')
}

// entry reads one entry of a map: field 1 is the key, field 2 the value.
func (p *payload) entry() (key, value []byte) {
	_, _, n := protowire.ConsumeTag(p.rest)
	p.skip(n)
	in := payload{rest: p.bytes()}
	for len(in.rest) > 0 {
		number, typ, n := protowire.ConsumeTag(in.rest)
		if in.skip(n); typ != protowire.BytesType {
			in.bad = true
		}
		if in.bad {
			break
		}
		if number == 1 {
			key = in.bytes()
		} else {
			value = in.bytes()
		}
	}
	p.bad = p.bad || in.bad
	return key, value
}

func (p *payload) scalarMap(dst, body []byte) []byte {
	if p.form == Served {
		return append(dst, "null"...)
	}
	dst = append(dst, '{')
	in := payload{form: p.form, rest: body}
	for first := true; len(in.rest) > 0; first = false {
		key, v := in.entry()
		if in.bad {
			break
		}
		if !first {
			dst = append(dst, ',')
		}
		dst = append(in.mapKey(dst, key), ':')
		dst = AppendJSON(dst, v, p.form)
	}
	p.bad = p.bad || in.bad
	return append(dst, '}')
}

// keyTypes are the types of a MapKey's fields, by number.
var keyTypes = [...]asof.ValueType{1: asof.TypeInt32, asof.TypeInt64, asof.TypeFloat32, asof.TypeFloat64, asof.TypeBool,
	asof.TypeUnixTimestamp, asof.TypeBytes, asof.TypeUUID, asof.TypeTimeUUID, asof.TypeDecimal}

func (p *payload) mapKey(dst, key []byte) []byte {
	number, _, n := protowire.ConsumeTag(key)
	if n < 0 || int(number) >= len(keyTypes) {
		p.bad = true
		return dst
	}
	in := payload{form: Plain, rest: key[n:]}
	text := in.scalar(nil, keyTypes[number])
	p.bad = p.bad || in.bad
	if len(text) > 0 && text[0] == '"' {
		return append(dst, text...)
	}
	return append(append(append(dst, '"'), text...), '"')
}

func (p *payload) zoned(dst, body []byte) []byte {
	var seconds int64
	zone := time.UTC
	in := payload{rest: body}
	for len(in.rest) > 0 {
		number, _, n := protowire.ConsumeTag(in.rest)
		in.skip(n)
		if number == 1 {
			seconds = in.varint()
		} else {
			zone = location(string(in.bytes()))
		}
	}
	p.bad = p.bad || in.bad
	if seconds == noTime {
		return append(dst, "null"...)
	}
	// Python's isoformat: an offset in figures, never Z.
	return time.Unix(seconds, 0).In(zone).AppendFormat(dst, `"2006-01-02T15:04:05-07:00"`)
}

// location finds a zone by its IANA name or its offset ("UTC-07:00", "+0530");
// what is neither is UTC, as Feast has it.
func location(name string) *time.Location {
	if loc, err := time.LoadLocation(name); err == nil && name != "Local" {
		return loc
	}
	for _, layout := range []string{"UTC-07:00", "UTC-0700", "GMT-07:00", "GMT-0700", "-07:00", "-0700"} {
		if t, err := time.Parse(layout, name); err == nil {
			_, offset := t.Zone()
			return time.FixedZone("", offset)
		}
	}
	return time.UTC
}

func (p *payload) time(dst []byte, seconds int64) []byte {
	switch {
	case p.form == Served:
		return appendInt(dst, seconds)
	case seconds == noTime:
		return append(dst, "null"...)
	}
	return time.Unix(seconds, 0).UTC().AppendFormat(dst, `"2006-01-02T15:04:05Z"`)
}
