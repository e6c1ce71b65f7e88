package grpcapi

import (
	"bytes"
	"context"
	"errors"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/arrowipc"
	servingpb "github.com/asof-dev/asof/feastpb/serving"
	"github.com/asof-dev/asof/ondemand"
)

// Transformations computes the features of on-demand views from columns that the
// caller sends.
type Transformations struct {
	Registry asof.Registry
	Project  string
	Programs *ondemand.Programs

	// Permit returns why the caller of ctx may not have the view computed; nil
	// lets everybody.
	Permit func(ctx context.Context, s *asof.Snapshot, objects ...asof.Object) error
}

// transformation is Feast's TransformationService.
var transformation = grpc.ServiceDesc{
	ServiceName: servingpb.TransformationService_ServiceDesc.ServiceName,
	HandlerType: (*any)(nil),
	Metadata:    servingpb.TransformationService_ServiceDesc.Metadata,
	Methods: []grpc.MethodDesc{
		{MethodName: "GetTransformationServiceInfo", Handler: transformationInfo},
		{MethodName: "TransformFeatures", Handler: transform},
	},
}

func transformationInfo(h any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	if err := decode(new(servingpb.GetTransformationServiceInfoRequest)); err != nil {
		return nil, err
	}
	return &servingpb.GetTransformationServiceInfoResponse{Version: h.(*handler).Version,
		Type:                             servingpb.TransformationServiceType_TRANSFORMATION_SERVICE_TYPE_PYTHON,
		TransformationServiceTypeDetails: "asof " + h.(*handler).Version}, nil
}

func transform(h any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	r := new(servingpb.TransformFeaturesRequest)
	if err := decode(r); err != nil {
		return nil, err
	}
	s := h.(*handler)
	ctx, cancel := context.WithTimeout(ctx, s.WriteTimeout)
	defer cancel()
	out, err := s.Transformations.run(ctx, r)
	if err != nil {
		return nil, s.judge(ctx, "TransformationService/TransformFeatures", err)
	}
	return &servingpb.TransformFeaturesResponse{TransformationOutput: &servingpb.ValueType{Value: &servingpb.ValueType_ArrowValue{ArrowValue: out}}}, nil
}

// run computes the features for the rows of an Arrow IPC file, and returns such
// a file with a column VIEW__FEATURE for each.
func (t *Transformations) run(ctx context.Context, r *servingpb.TransformFeaturesRequest) ([]byte, error) {
	if r.Project != "" && r.Project != t.Project {
		return nil, asof.Errorf(asof.CodeNotFound, "project %q is not served here, but %q", r.Project, t.Project)
	}
	snapshot, err := t.Registry.Snapshot(ctx, t.Project)
	if err != nil {
		return nil, err
	}
	if snapshot.Project() == nil {
		return nil, asof.Errorf(asof.CodeNotFound, "project %q was never applied, so it has no on-demand views; run `asof apply`", t.Project)
	}
	view, err := snapshot.OnDemandView(r.OnDemandFeatureViewName)
	if err != nil {
		return nil, err
	}
	if t.Permit != nil {
		if err := t.Permit(ctx, snapshot, view); err != nil {
			return nil, err
		}
	}
	program, err := t.Programs.Of(snapshot, view)
	if err != nil {
		return nil, err
	}
	_, batches, err := arrowipc.ReadFile(r.GetTransformationInput().GetArrowValue())
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "transformation_input is no Arrow IPC file that can be read: %w", err)
	}
	defer func() {
		for _, b := range batches {
			b.Release()
		}
	}()
	var out bytes.Buffer
	w, err := ipc.NewFileWriter(&out, ipc.WithSchema(outputSchema(view)))
	if err != nil {
		return nil, err
	}
	for _, batch := range batches {
		if err := transformed(ctx, w, view, program, batch); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// transformed writes the features of one batch.
func transformed(ctx context.Context, w *ipc.FileWriter, view *asof.OnDemandFeatureView, program *ondemand.Program, batch arrow.RecordBatch) error {
	inputs, err := inputsOf(view, program, batch)
	if err != nil {
		return err
	}
	defer inputs.Release()
	features, err := program.Run(ctx, inputs, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	defer features.Release()
	named := array.NewRecordBatch(outputSchema(view), features.Columns(), features.NumRows())
	defer named.Release()
	return w.Write(named)
}

func outputSchema(view *asof.OnDemandFeatureView) *arrow.Schema {
	fields := make([]arrow.Field, len(view.Features))
	for i, f := range view.Features {
		fields[i] = arrow.Field{Name: view.Name + "__" + f.Name, Type: f.Type.Arrow(), Nullable: true}
	}
	return arrow.NewSchema(fields, nil)
}

// inputsOf finds what the function reads among the columns of a batch, where a
// feature has its full name or its own. A join key may be missing.
func inputsOf(view *asof.OnDemandFeatureView, program *ondemand.Program, batch arrow.RecordBatch) (arrow.RecordBatch, error) {
	var fields []arrow.Field
	var columns []arrow.Array
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for _, in := range program.Inputs() {
		at := batch.Schema().FieldIndices(in.Name)
		if len(at) == 0 {
			at = batch.Schema().FieldIndices(in.Feature)
		}
		var column arrow.Array
		var err error
		switch {
		case len(at) > 0:
			column, err = asof.Cast(batch.Column(at[0]), in.Type, memory.DefaultAllocator)
		case in.Key:
			column = array.MakeArrayOfNull(memory.DefaultAllocator, in.Type.Arrow(), int(batch.NumRows()))
		default:
			return nil, asof.Errorf(asof.CodeInvalid, "column %q, which on-demand feature view %q is computed from, is missing", in.Name, view.Name)
		}
		if wrong := (*asof.CastError)(nil); errors.As(err, &wrong) {
			err = asof.Errorf(asof.CodeInvalid, "row %d, column %q: %w", wrong.Row+1, in.Name, err)
		}
		if err != nil {
			return nil, err
		}
		columns = append(columns, column)
		fields = append(fields, arrow.Field{Name: in.Name, Type: column.DataType(), Nullable: true})
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, batch.NumRows()), nil
}
