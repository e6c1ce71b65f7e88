package value

import (
	"encoding/json"
	"io"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/asof-dev/asof"
)

// appendDocument appends a JSON object as Feast's Map message or, with keys
// that are no strings, as its ScalarMap. Whole numbers become int64, others
// doubles; a list of one kind becomes the list type of that kind, a mixed or
// empty one a list of Values.
func appendDocument(dst []byte, t asof.ValueType, text string) ([]byte, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	doc, err := readDocument(d)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = asof.Errorf(asof.CodeInvalid, "text follows the object")
		}
	}
	object, ok := doc.(members)
	if err == nil && !ok {
		err = asof.Errorf(asof.CodeInvalid, "it is no object")
	}
	if err != nil {
		return dst, asof.Errorf(asof.CodeInvalid, "%.60q is not the JSON object that a %s needs: %w", text, asof.Scalar(t), err)
	}
	if t == asof.TypeScalarMap {
		return appendScalarMap(dst, object)
	}
	return appendMap(dst, object), nil
}

// members are the members of a JSON object, each name once, in their order.
type members []member

type member struct {
	name  string
	value any // nil, bool, string, json.Number, []any or members
}

func readDocument(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		object, at := members{}, map[string]int{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := readDocument(d)
			if err != nil {
				return nil, err
			}
			m := member{name.(string), value}
			if i, again := at[m.name]; again { // the last counts
				object[i] = m
				continue
			}
			at[m.name] = len(object)
			object = append(object, m)
		}
		_, err := d.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			value, err := readDocument(d)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err := d.Token()
		return list, err
	}
	return token, nil
}

func appendMap(dst []byte, object members) []byte {
	start := len(dst)
	for _, m := range object {
		e := openEntry(&dst, m.name)
		dst = e.close(appendAny(dst, m.value))
	}
	return prefixLength(dst, start)
}

// appendAny appends the Value message of something that a JSON text held.
func appendAny(dst []byte, v any) []byte {
	switch v := v.(type) {
	case bool:
		return protowire.AppendVarint(protowire.AppendTag(dst, 7, protowire.VarintType), protowire.EncodeBool(v))
	case string:
		return AppendString(dst, v)
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return AppendInt64(dst, n)
		}
		f, _ := v.Float64() // JSON's numbers all parse; beyond a double's range they are infinite
		return protowire.AppendFixed64(protowire.AppendTag(dst, 5, protowire.Fixed64Type), math.Float64bits(f))
	case members:
		return appendMap(protowire.AppendTag(dst, protowire.Number(asof.TypeMap), protowire.BytesType), v)
	case []any:
		return appendAnyList(dst, v)
	}
	return dst
}

// appendAnyList appends a list: of the type of its elements where they share
// one, else a list of Values.
func appendAnyList(dst []byte, list []any) []byte {
	t := listType(list)
	dst = protowire.AppendTag(dst, protowire.Number(t), protowire.BytesType)
	body := len(dst)
	packed := t == asof.TypeInt64List || t == asof.TypeFloat64List || t == asof.TypeBoolList
	if packed {
		dst = protowire.AppendTag(dst, 1, protowire.BytesType)
	}
	numbers := len(dst)
	for _, v := range list {
		switch t {
		case asof.TypeInt64List:
			n, _ := v.(json.Number).Int64()
			dst = protowire.AppendVarint(dst, uint64(n))
		case asof.TypeFloat64List:
			f, _ := v.(json.Number).Float64()
			dst = protowire.AppendFixed64(dst, math.Float64bits(f))
		case asof.TypeBoolList:
			dst = protowire.AppendVarint(dst, protowire.EncodeBool(v.(bool)))
		case asof.TypeStringList:
			dst = protowire.AppendString(protowire.AppendTag(dst, 1, protowire.BytesType), v.(string))
		case asof.TypeMapList:
			dst = appendMap(protowire.AppendTag(dst, 1, protowire.BytesType), v.(members))
		default:
			dst = protowire.AppendTag(dst, 1, protowire.BytesType)
			start := len(dst)
			dst = prefixLength(appendAny(dst, v), start)
		}
	}
	if packed {
		dst = prefixLength(dst, numbers)
	}
	return prefixLength(dst, body)
}

func listType(list []any) asof.ValueType {
	t := asof.TypeInvalid
	for _, v := range list {
		e := asof.TypeValueList
		switch v := v.(type) {
		case string:
			e = asof.TypeStringList
		case bool:
			e = asof.TypeBoolList
		case members:
			e = asof.TypeMapList
		case json.Number:
			e = asof.TypeInt64List
			if _, err := v.Int64(); err != nil {
				e = asof.TypeFloat64List
			}
		}
		number := func(t asof.ValueType) bool { return t == asof.TypeInt64List || t == asof.TypeFloat64List }
		switch {
		case t == asof.TypeInvalid || t == e:
			t = e
		case number(t) && number(e):
			t = asof.TypeFloat64List
		default:
			return asof.TypeValueList
		}
	}
	if t == asof.TypeInvalid {
		return asof.TypeValueList
	}
	return t
}

// appendScalarMap reads the keys as what they look like: true and false, whole
// numbers, other numbers.
func appendScalarMap(dst []byte, object members) ([]byte, error) {
	start := len(dst)
	for _, m := range object {
		dst = protowire.AppendTag(dst, 1, protowire.BytesType)
		open := len(dst)
		dst = protowire.AppendTag(dst, 1, protowire.BytesType)
		key := len(dst)
		if n, err := strconv.ParseInt(m.name, 10, 64); err == nil {
			dst = protowire.AppendVarint(protowire.AppendTag(dst, 2, protowire.VarintType), uint64(n))
		} else if f, err := strconv.ParseFloat(m.name, 64); err == nil {
			dst = protowire.AppendFixed64(protowire.AppendTag(dst, 4, protowire.Fixed64Type), math.Float64bits(f))
		} else if m.name == "true" || m.name == "false" {
			dst = protowire.AppendVarint(protowire.AppendTag(dst, 5, protowire.VarintType), protowire.EncodeBool(m.name == "true"))
		} else {
			return dst, asof.Errorf(asof.CodeInvalid, "key %q of a ScalarMap is no number and no boolean; declare the field as Map", m.name)
		}
		dst = protowire.AppendTag(prefixLength(dst, key), 2, protowire.BytesType)
		value := len(dst)
		dst = prefixLength(prefixLength(appendAny(dst, m.value), value), open)
	}
	return prefixLength(dst, start), nil
}
