package grpcapi

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	servingpb "github.com/asof-dev/asof/feastpb/serving"
	"github.com/asof-dev/asof/feastpb/types"
	"github.com/asof-dev/asof/push"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/value"
)

// ingestion is Feast's GrpcFeatureServer, which is of no package: it takes a row,
// and answers online reads as ServingService does.
var ingestion = grpc.ServiceDesc{
	ServiceName: servingpb.GrpcFeatureServer_ServiceDesc.ServiceName,
	HandlerType: (*any)(nil),
	Metadata:    servingpb.GrpcFeatureServer_ServiceDesc.Metadata,
	Methods: []grpc.MethodDesc{
		{MethodName: "Push", Handler: pushRow},
		{MethodName: "WriteToOnlineStore", Handler: writeRow},
		{MethodName: "GetOnlineFeatures", Handler: online},
	},
}

func pushRow(h any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	r := new(servingpb.PushRequest)
	if err := decode(r); err != nil {
		return nil, err
	}
	err := h.(*handler).take(ctx, "GrpcFeatureServer/Push", r.Features, r.TypedFeatures, func(ctx context.Context, p *push.Pusher) (*push.Target, error) {
		return p.Source(ctx, r.StreamFeatureView, push.To(r.To))
	})
	return &servingpb.PushResponse{Status: err == nil}, err
}

func writeRow(h any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	r := new(servingpb.WriteToOnlineStoreRequest)
	if err := decode(r); err != nil {
		return nil, err
	}
	err := h.(*handler).take(ctx, "GrpcFeatureServer/WriteToOnlineStore", r.Features, r.TypedFeatures, func(ctx context.Context, p *push.Pusher) (*push.Target, error) {
		return p.View(ctx, r.FeatureViewName, true)
	})
	return &servingpb.WriteToOnlineStoreResponse{Status: err == nil}, err
}

// take finds where a row goes and writes it, and tells the observer.
func (h *handler) take(ctx context.Context, method string, texts map[string]string, values map[string]*types.Value, target func(context.Context, *push.Pusher) (*push.Target, error)) error {
	began := time.Now()
	err := h.write(ctx, method, texts, values, target)
	if h.Observer != nil {
		h.Observer.Answered(&serving.Outcome{Route: method, Code: status.Code(err).String(), Failed: err != nil, Took: time.Since(began)})
	}
	return err
}

func (h *handler) write(ctx context.Context, method string, texts map[string]string, values map[string]*types.Value, target func(context.Context, *push.Pusher) (*push.Target, error)) error {
	if h.Pusher == nil {
		return status.Error(codes.Unimplemented, "this server takes no rows")
	}
	columns, err := rowOf(texts, values)
	if err != nil {
		return h.judge(ctx, method, err)
	}
	ctx, cancel := context.WithTimeout(ctx, h.WriteTimeout)
	defer cancel()
	t, err := target(ctx, h.Pusher)
	if err == nil {
		err = t.Write(ctx, columns)
	}
	if err != nil {
		return h.judge(ctx, method, err)
	}
	return nil
}

// rowOf makes columns of the one row of a request.
func rowOf(texts map[string]string, values map[string]*types.Value) ([]push.Column, error) {
	if len(texts) > 0 && len(values) > 0 {
		return nil, asof.Errorf(asof.CodeInvalid, "only one of features and typed_features may be set, not both")
	}
	columns := make([]push.Column, 0, len(texts)+len(values))
	for name, text := range texts {
		columns = append(columns, push.Column{Name: name, JSON: []string{string(value.AppendQuoted(nil, text, false))}})
	}
	for name, v := range values {
		message, err := proto.Marshal(v)
		if err != nil {
			return nil, asof.Errorf(asof.CodeInvalid, "column %q holds no value: %w", name, err)
		}
		columns = append(columns, push.Column{Name: name, JSON: []string{string(value.AppendJSON(nil, message, form(v)))}})
	}
	return columns, nil
}

// form is how a value is written that is read again: exactly, and times so that
// they are known as such.
func form(v *types.Value) value.Form {
	switch v.GetVal().(type) {
	case *types.Value_FloatVal, *types.Value_FloatListVal, *types.Value_FloatSetVal:
		return value.Served
	}
	return value.Plain
}
