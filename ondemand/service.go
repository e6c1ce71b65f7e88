package ondemand

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// Service computes the features of registered views on another server, which
// knows them by their names. It takes functions in pandas mode.
type Service interface {
	Place() string // "the transformation service at HOST:PORT"

	// Transform answers the rows in one batch or several, with a column for each
	// feature under its own name or as VIEW__FEATURE. The caller releases them.
	Transform(ctx context.Context, view string, rows arrow.RecordBatch) ([]arrow.RecordBatch, error)
}

// askService has the features computed by the service.
func askService(ctx context.Context, service Service, view *asof.OnDemandFeatureView, inputs arrow.RecordBatch, mem memory.Allocator) (map[string]arrow.Array, error) {
	batches, err := service.Transform(ctx, view.Name, inputs)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, b := range batches {
			b.Release()
		}
	}()
	outputs := map[string]arrow.Array{}
	for _, f := range view.Features {
		joined, err := joinedFeature(view, f, batches, mem)
		if err != nil {
			releaseOutputs(outputs)
			return nil, err
		}
		if joined != nil {
			outputs[f.Name] = joined
		}
	}
	return outputs, nil
}

// joinedFeature is a feature of an answer in its declared type, in which the
// batches agree: pandas gives each the type of its values. It is nil where the
// answer has no such column.
func joinedFeature(view *asof.OnDemandFeatureView, f asof.Field, batches []arrow.RecordBatch, mem memory.Allocator) (arrow.Array, error) {
	if len(batches) == 0 {
		return array.MakeArrayOfNull(mem, f.Type.Arrow(), 0), nil
	}
	var parts []arrow.Array
	defer func() { releaseAll(parts) }()
	for _, b := range batches {
		at := b.Schema().FieldIndices(view.Name + "__" + f.Name)
		if len(at) == 0 {
			at = b.Schema().FieldIndices(f.Name)
		}
		if len(at) == 0 {
			return nil, nil
		}
		plain := withoutNaN(b.Column(at[0]), mem)
		part, err := asof.Cast(plain, f.Type, mem)
		plain.Release()
		if err != nil {
			return nil, asof.Errorf(asof.CodeInvalid, "feature %q: %w", f.Name, err)
		}
		parts = append(parts, part)
	}
	return array.Concatenate(parts, mem)
}

// withoutNaN is a column that Python answered: NaN is NULL there.
func withoutNaN(c arrow.Array, mem memory.Allocator) arrow.Array {
	if v, err := fromArrow(c); err == nil && v.kind == kindFloat {
		return v.column(mem)
	}
	c.Retain()
	return c
}
