package registryapi

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/asof-dev/asof/feastpb/registry"
)

// arrange sorts a list and cuts the page out of it that is asked for. Without a
// page it is the whole list.
func arrange[M proto.Message](all []M, page *pb.PaginationParams, order *pb.SortingParams) ([]M, *pb.PaginationMetadata) {
	return Page(Sort(all, func(m M) proto.Message { return m }, order), page)
}

// Page cuts the page out of a list that is asked for, the whole list where no
// page is, and says what Feast says of it.
func Page[T any](all []T, page *pb.PaginationParams) ([]T, *pb.PaginationMetadata) {
	if len(all) == 0 {
		return all, &pb.PaginationMetadata{}
	}
	total := len(all)
	number, limit := int(page.GetPage()), int(page.GetLimit())
	if number <= 0 || limit <= 0 {
		return all, &pb.PaginationMetadata{TotalCount: int32(total), TotalPages: 1}
	}
	pages := (total + limit - 1) / limit
	from := min((number-1)*limit, total)
	return all[from:min(from+limit, total)], &pb.PaginationMetadata{Page: int32(number), Limit: int32(limit),
		TotalCount: int32(total), TotalPages: int32(pages), HasNext: number < pages, HasPrevious: number > 1}
}

// sortKey is what a list is sorted by: what an object does not have comes
// first, then numbers, then texts, whatever their case.
type sortKey struct {
	text   string
	rank   int
	number float64
}

func (k sortKey) compare(l sortKey) int {
	return cmp.Or(cmp.Compare(k.text, l.text), cmp.Compare(k.rank, l.rank), cmp.Compare(k.number, l.number))
}

// Sort returns a list sorted by an attribute of the objects of Feast whose
// messages it holds: "name", "created_timestamp", "tags.team". Those that are
// equal in it keep their order, also in a descending list; without an attribute
// all do.
func Sort[T any](all []T, message func(T) proto.Message, order *pb.SortingParams) []T {
	by := strings.TrimSpace(order.GetSortBy())
	if by == "" {
		return all
	}
	type keyed struct {
		key  sortKey
		item T
	}
	path, list := strings.Split(by, "."), make([]keyed, len(all))
	for i, t := range all {
		list[i] = keyed{keyOf(message(t).ProtoReflect(), path), t}
	}
	descending := strings.EqualFold(order.GetSortOrder(), "desc")
	slices.SortStableFunc(list, func(a, b keyed) int {
		if descending {
			return b.key.compare(a.key)
		}
		return a.key.compare(b.key)
	})
	out := make([]T, len(list))
	for i, k := range list {
		out[i] = k.item
	}
	return out
}

// keyOf returns the attribute of an object, which stands in the message, in its
// spec or in its meta.
func keyOf(m protoreflect.Message, path []string) sortKey {
	var places []protoreflect.Message
	for _, part := range []protoreflect.Name{"spec", "meta"} {
		if f := m.Descriptor().Fields().ByName(part); f != nil {
			places = append(places, m.Get(f).Message())
		}
	}
	for _, at := range append(places, m) {
		f := at.Descriptor().Fields().ByName(protoreflect.Name(path[0]))
		if f == nil || f.IsList() {
			continue
		}
		switch {
		case f.IsMap():
			return mapKey(at.Get(f).Map(), path[1:])
		case f.Message() != nil && !at.Has(f):
			return sortKey{}
		case f.Message() != nil && len(path) > 1:
			return keyOf(at.Get(f).Message(), path[1:])
		case len(path) == 1:
			return scalarKey(f, at.Get(f))
		}
	}
	return sortKey{}
}

// mapKey returns the value of a tag.
func mapKey(m protoreflect.Map, path []string) sortKey {
	at := protoreflect.ValueOfString(strings.Join(path, ".")).MapKey()
	if !m.Has(at) {
		return sortKey{}
	}
	return sortKey{text: strings.ToLower(m.Get(at).String()), rank: 1}
}

func scalarKey(f protoreflect.FieldDescriptor, v protoreflect.Value) sortKey {
	switch f.Kind() {
	case protoreflect.StringKind:
		return sortKey{text: strings.ToLower(v.String()), rank: 1}
	case protoreflect.BoolKind:
		if v.Bool() {
			return sortKey{rank: 1, number: 1}
		}
		return sortKey{rank: 1}
	case protoreflect.EnumKind:
		name := fmt.Sprint(v.Enum())
		if value := f.Enum().Values().ByNumber(v.Enum()); value != nil {
			name = string(value.Name())
		}
		return sortKey{text: strings.ToLower(name), rank: 1}
	case protoreflect.MessageKind:
		switch m := v.Message().Interface().(type) {
		case *timestamppb.Timestamp:
			return sortKey{rank: 1, number: float64(m.AsTime().UnixMicro())}
		case *durationpb.Duration:
			return sortKey{rank: 1, number: m.AsDuration().Seconds()}
		}
		return sortKey{}
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return sortKey{rank: 1, number: v.Float()}
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		return sortKey{rank: 1, number: float64(v.Int())}
	}
	return sortKey{}
}
