package feastconv

import (
	"bytes"
	_ "embed"
	"encoding/binary"

	"github.com/asof-dev/asof"
)

// loader is the Python program that a pickled function runs when it is loaded.
// From the names source, imports and name it makes the name function: it
// parses the source, takes the decorator away, puts those of the module's
// statements before it that it uses, and runs the result in a module of its
// own.
//
//go:embed loader.py
var loader string

// evaluate is the Python expression whose value a pickled function is.
const evaluate = "[exec(loader), function][1]"

// pickle returns the function as Feast keeps it beside its text: bytes that
// Python's pickle, and dill, load as a function. They are
// eval(evaluate, {"loader": …, "source": …, "imports": …, "name": …}) in the
// opcodes of pickle's protocol 2.
func pickle(f *asof.Function) []byte {
	b := opening()
	for _, pair := range [][2]string{
		{"loader", loader}, {"source", f.Text}, {"imports", f.Imports}, {"name", f.Name},
	} {
		b = appendText(appendText(b, pair[0]), pair[1])
	}
	return append(b, 'u', 0x86, 'R', '.') // SETITEMS TUPLE2 REDUCE STOP
}

// opening is how the functions that pickle writes begin.
func opening() []byte {
	b := []byte("\x80\x02")               // PROTO 2
	b = append(b, "cbuiltins\neval\n"...) // GLOBAL
	b = appendText(b, evaluate)
	return append(b, '}', '(') // EMPTY_DICT MARK
}

// importsOf reads the imports from a function that pickle wrote, "" from any
// other. The bytes are searched, never loaded.
func importsOf(body []byte) string {
	rest, ours := bytes.CutPrefix(body, opening())
	name := ""
	for i := 0; ours && len(rest) >= 5 && rest[0] == 'X'; i++ {
		size := binary.LittleEndian.Uint32(rest[1:])
		if uint64(size) > uint64(len(rest)-5) {
			return ""
		}
		text := string(rest[5 : 5+size])
		rest = rest[5+size:]
		if i%2 == 0 {
			name = text
		} else if name == "imports" {
			return text
		}
	}
	return ""
}

// appendText appends the opcode BINUNICODE.
func appendText(b []byte, s string) []byte {
	b = append(b, 'X')
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}
