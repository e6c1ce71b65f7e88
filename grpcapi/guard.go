package grpcapi

import (
	"context"

	"google.golang.org/grpc"

	"github.com/asof-dev/asof/permission"
)

// guarded returns a service whose every method is for callers that the guard
// admits.
func guarded(service *grpc.ServiceDesc, guard *permission.Guard) *grpc.ServiceDesc {
	if guard == nil {
		return service
	}
	admitting := *service
	admitting.Methods = make([]grpc.MethodDesc, len(service.Methods))
	for i, m := range service.Methods {
		admitting.Methods[i] = grpc.MethodDesc{MethodName: m.MethodName,
			Handler: func(h any, ctx context.Context, decode func(any) error, next grpc.UnaryServerInterceptor) (any, error) {
				known, err := guard.AdmitCall(ctx)
				if err != nil {
					return nil, h.(*handler).judge(ctx, m.MethodName, err)
				}
				return m.Handler(h, known, decode, next)
			}}
	}
	return &admitting
}
