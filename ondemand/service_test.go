package ondemand

import (
	"context"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// answers is a service that answers whatever it is asked with these batches.
type answers []arrow.RecordBatch

func (a answers) Place() string { return "the transformation service at here" }

func (a answers) Transform(context.Context, string, arrow.RecordBatch) ([]arrow.RecordBatch, error) {
	for _, b := range a {
		b.Retain()
	}
	return a, nil
}

// Parts of an answer have the types that pandas found for their values, and the
// answer has the declared one; a function in python mode is not sent.
func TestServiceAnswersInParts(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	part := func(name string, of arrow.DataType, rows string) arrow.RecordBatch {
		b, _, err := array.RecordFromJSON(mem, arrow.NewSchema([]arrow.Field{{Name: name, Type: of, Nullable: true}}, nil), strings.NewReader(rows))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	const text = "def f(d):\n    try:\n        return d\n    except KeyError:\n        return d\n"
	const name = "n"
	view := requestView(text, "pandas", false, asof.Field{Name: name, Type: asof.Scalar(asof.TypeFloat64)})
	given := answers{part(view.Name+"__"+name, arrow.PrimitiveTypes.Int64, `[{"`+view.Name+"__"+name+`": 1}]`), part(name, arrow.Null, `[{}]`), part(name, arrow.PrimitiveTypes.Float64, `[{"`+name+`": 2}]`)}
	outputs, err := askService(t.Context(), given, view, nil, mem)
	if err != nil {
		t.Fatal(err)
	}
	if got := outputs[name]; got == nil || !arrow.TypeEqual(got.DataType(), view.Features[0].Type.Arrow()) || got.Len() != 3 || got.IsNull(0) || !got.IsNull(1) || got.IsNull(2) {
		t.Errorf("%v", got)
	}
	releaseOutputs(outputs)
	for _, b := range given {
		b.Release()
	}
	sentence, ok := Summary(view, Options{Workers: NewServiceWorkers(answers(nil))})
	if !ok || !strings.Contains(sentence, "runs by the transformation service at here") {
		t.Errorf("%v %s", ok, sentence)
	}
	view = requestView(text, "python", false)
	if sentence, ok := Summary(view, Options{Workers: NewServiceWorkers(answers(nil))}); ok || !strings.Contains(sentence, "cannot be read") {
		t.Errorf("%v %s", ok, sentence)
	}
}
