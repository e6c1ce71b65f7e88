package registryapi

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/asof-dev/asof/feastpb/registry"
)

// Client returns a client within the process, as one with a connection of its
// own: its calls pass what calls over gRPC pass, with the outgoing metadata of
// their context. All of them see the registry as it is now. What they answer is
// shared with others, and must not be changed.
func (s *Server) Client(ctx context.Context) (pb.RegistryServerClient, error) {
	index, err := s.service.current(ctx)
	if err != nil {
		return nil, s.service.statusOf(ctx, "Client", err)
	}
	return pb.NewRegistryServerClient(local{s.service, &session{pinned: index}}), nil
}

// local is a connection within the process.
type local struct {
	service *service
	session *session
}

// Invoke answers a call. Only the outermost message is copied, in and out.
func (l local) Invoke(ctx context.Context, method string, request, answer any, _ ...grpc.CallOption) error {
	name := method[strings.LastIndexByte(method, '/')+1:]
	for _, m := range pb.RegistryServer_ServiceDesc.Methods {
		if m.MethodName != name {
			continue
		}
		sent, _ := metadata.FromOutgoingContext(ctx)
		ctx = context.WithValue(metadata.NewIncomingContext(ctx, sent), sessionKey{}, l.session)
		out, err := m.Handler(l.service, ctx, func(in any) error { fill(in, request); return nil }, l.service.intercept)
		if err == nil {
			fill(answer, out)
		}
		return err
	}
	return status.Errorf(codes.Unimplemented, "there is no method %s", method)
}

// NewStream is of no use: no method of the service streams.
func (local) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "the registry has no streams")
}

// fill gives an empty message the fields of another, which it shares.
func fill(to, from any) {
	at := to.(proto.Message).ProtoReflect()
	m := from.(proto.Message).ProtoReflect()
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		at.Set(f, v)
		return true
	})
	at.SetUnknown(m.GetUnknown())
}
