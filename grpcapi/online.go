package grpcapi

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	servingpb "github.com/asof-dev/asof/feastpb/serving"
	"github.com/asof-dev/asof/serving"
)

// Route is what an Observer gets as the route of the online reads.
const Route = "feast.serving.ServingService/GetOnlineFeatures"

// service is Feast's, with the method that is called all the time on bytes.
var service = grpc.ServiceDesc{
	ServiceName: servingpb.ServingService_ServiceDesc.ServiceName,
	HandlerType: (*any)(nil),
	Metadata:    servingpb.ServingService_ServiceDesc.Metadata,
	Methods: []grpc.MethodDesc{
		{MethodName: "GetFeastServingInfo", Handler: info},
		{MethodName: "GetOnlineFeatures", Handler: online},
	},
}

type handler struct {
	Options
	logged atomic.Int64 // when an unanswered call was last logged, in seconds since 1970
}

func info(h any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	if err := decode(new(servingpb.GetFeastServingInfoRequest)); err != nil {
		return nil, err
	}
	return &servingpb.GetFeastServingInfoResponse{Version: h.(*handler).Version}, nil
}

var requests = sync.Pool{New: func() any { return new(request) }}

func online(h any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	r := requests.Get().(*request)
	defer r.release()
	if err := decode(r); err != nil {
		return nil, err
	}
	return h.(*handler).observed(ctx, r)
}

var outcomes = sync.Pool{New: func() any { return new(serving.Outcome) }}

// observed answers, and tells the observer.
func (h *handler) observed(ctx context.Context, r *request) (*reply, error) {
	if h.Observer == nil {
		return h.online(ctx, r, nil)
	}
	o := outcomes.Get().(*serving.Outcome)
	o.Reset()
	began := time.Now()
	answer, err := h.online(ctx, r, o)
	o.Route, o.Code, o.Failed, o.Took = Route, status.Code(err).String(), err != nil, time.Since(began)
	o.Asked, o.Service = !r.broken, h.Reader.KnownService(r.Service)
	h.Observer.Answered(o)
	outcomes.Put(o)
	return answer, err
}

func (h *handler) online(ctx context.Context, r *request, o *serving.Outcome) (*reply, error) {
	if r.broken {
		return nil, status.Error(codes.InvalidArgument, "the request is no GetOnlineFeaturesRequest message")
	}
	rows := r.Rows()
	if err := h.Load.Enter(rows); err != nil {
		if o != nil {
			o.Refused = true
		}
		return nil, h.judge(ctx, Route, err)
	}
	defer h.Load.Leave(rows)
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	answer, err := h.Reader.Read(ctx, &r.Request)
	if err != nil {
		return nil, h.judge(ctx, Route, err)
	}
	defer answer.Release()
	if o != nil {
		o.Take(answer)
	}
	b := pool.Get(0)
	*b = answer.AppendMessage(*b, r.versions)
	return &reply{b}, nil
}
