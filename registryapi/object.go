package registryapi

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/asof-dev/asof/feastconv"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/permission"
)

// The requests of the kinds have the same getters.
type (
	applyRequest interface {
		GetProject() string
		GetCommit() bool
	}
	nameRequest interface {
		GetProject() string
		GetName() string
	}
	deleteRequest interface {
		applyRequest
		nameRequest
	}
	listRequest interface {
		GetProject() string
		GetTags() map[string]string
		GetPagination() *pb.PaginationParams
		GetSorting() *pb.SortingParams
	}
)

// apply puts an object into the connection's draft.
func apply[M proto.Message](ctx context.Context, s *service, k kind, r applyRequest, m M) (*emptypb.Empty, error) {
	return s.change(ctx, r.GetProject(), r.GetCommit(), func(v view, d *draft) error { return v.put(d, k, m) })
}

// put reads an object's message and puts it into a draft.
func (v view) put(d *draft, k kind, m proto.Message) error {
	if d.project == "" {
		return withoutProject
	}
	if !m.ProtoReflect().IsValid() {
		return invalid("the request has no %s", k.of)
	}
	if feastregistry.Name(m) == "" {
		return invalid("the %s has no name", k.of)
	}
	if err := v.checkPut(k, d.project, m); err != nil {
		return err
	}
	feastregistry.Belong(m, d.project)
	o, err := feastconv.Decode(m)
	if err != nil {
		return invalid("%s", err)
	}
	d.put(k, m, o)
	return nil
}

// get returns an object, or says in Feast's words that there is none.
func get[M proto.Message](ctx context.Context, s *service, k kind, project, name string) (found M, err error) {
	err = s.read(ctx, func(v view) error {
		m := v.object(k, project, name)
		if m == nil {
			return k.notFound(project, name)
		}
		found = m.(M)
		return v.access.check(project, m, permission.Describe)
	})
	return found, err
}

// list returns the objects of a project that have the tags of the request, and
// that wanted wants, nil for all; arranged as the request says.
func list[M proto.Message](ctx context.Context, s *service, k kind, r listRequest, wanted func(M) bool) (page []M, about *pb.PaginationMetadata, err error) {
	err = s.read(ctx, func(v view) error {
		page, about = arrange(chosen(v.describable(k, r.GetProject()), r.GetTags(), wanted), r.GetPagination(), r.GetSorting())
		return nil
	})
	return page, about, err
}

func chosen[M proto.Message](all []proto.Message, tags map[string]string, wanted func(M) bool) []M {
	kept := make([]M, 0, len(all))
	for _, m := range all {
		if hasTags(m, tags) && (wanted == nil || wanted(m.(M))) {
			kept = append(kept, m.(M))
		}
	}
	return kept
}

// remove takes an object away in the connection's draft.
func remove(ctx context.Context, s *service, k kind, r deleteRequest) (*emptypb.Empty, error) {
	return s.change(ctx, r.GetProject(), r.GetCommit(), func(v view, d *draft) error {
		m := v.object(k, r.GetProject(), r.GetName())
		if m == nil {
			return k.notFound(r.GetProject(), r.GetName())
		}
		if err := v.access.check(r.GetProject(), m, permission.Delete); err != nil {
			return err
		}
		d.remove(k, r.GetName())
		return nil
	})
}
