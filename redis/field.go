package redis

import (
	"encoding/binary"
	"math/bits"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// timeField is the field of a hash that holds the event time of a view's row.
func timeField(view string) string { return "_ts:" + view }

// valueField is the field that holds the value of a feature.
func valueField(view, feature string) string {
	var name [4]byte
	binary.LittleEndian.PutUint32(name[:], murmur3(view+":"+feature))
	return string(name[:])
}

// murmur3 is MurmurHash3_x86_32 with the seed 0.
func murmur3(text string) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	mix := func(k uint32) uint32 { return bits.RotateLeft32(k*c1, 15) * c2 }
	h, rest := uint32(0), []byte(text)
	for ; len(rest) >= 4; rest = rest[4:] {
		h = bits.RotateLeft32(h^mix(binary.LittleEndian.Uint32(rest)), 13)*5 + 0xe6546b64
	}
	var tail uint32
	for i, b := range rest {
		tail |= uint32(b) << (8 * i)
	}
	if len(rest) > 0 {
		h ^= mix(tail)
	}
	h ^= uint32(len(text))
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

// appendTimestamp appends a google.protobuf.Timestamp; the epoch is no bytes.
func appendTimestamp(dst []byte, us int64) []byte {
	seconds, rest := us/1e6, us%1e6
	if rest < 0 {
		seconds, rest = seconds-1, rest+1e6
	}
	if seconds != 0 {
		dst = protowire.AppendVarint(append(dst, 0x08), uint64(seconds))
	}
	if rest != 0 {
		dst = protowire.AppendVarint(append(dst, 0x10), uint64(rest*1000))
	}
	return dst
}

// parseTimestamp returns the microseconds of a google.protobuf.Timestamp, and
// false where it is none. Nanoseconds, which other writers may store, are cut
// off downwards.
func parseTimestamp(b []byte) (us int64, ok bool) {
	var seconds, nanos int64
	for len(b) > 0 {
		tag := b[0]
		v, n := protowire.ConsumeVarint(b[1:])
		if n < 0 {
			return 0, false
		}
		switch tag {
		case 0x08:
			seconds = int64(v)
		case 0x10:
			nanos = int64(v)
		default:
			return 0, false
		}
		b = b[1+n:]
	}
	return seconds*1e6 + nanos/1000, nanos >= 0 && nanos < 1e9
}

// nullOf returns how a null of that type is written: all but a missing time are
// empty.
func nullOf(t asof.Type) string {
	if t.Value == asof.TypeUnixTimestamp {
		return value.NoTimestamp
	}
	return ""
}

// globbed quotes text for the pattern of a SCAN.
var globbed = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace
