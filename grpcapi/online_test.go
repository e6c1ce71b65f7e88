package grpcapi_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/asof-dev/asof"
	servingpb "github.com/asof-dev/asof/feastpb/serving"
	typespb "github.com/asof-dev/asof/feastpb/types"
	"github.com/asof-dev/asof/grpcapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/storetest"
)

func texts(values ...string) *typespb.RepeatedValue {
	list := &typespb.RepeatedValue{}
	for _, v := range values {
		list.Val = append(list.Val, &typespb.Value{Val: &typespb.Value_StringVal{StringVal: v}})
	}
	return list
}

func numbers(values ...int64) *typespb.RepeatedValue {
	list := &typespb.RepeatedValue{}
	for _, v := range values {
		list.Val = append(list.Val, &typespb.Value{Val: &typespb.Value_Int64Val{Int64Val: v}})
	}
	return list
}

// ask makes a request of references and pairs of a column's name and values.
func ask(references []string, columns ...any) *servingpb.GetOnlineFeaturesRequest {
	r := &servingpb.GetOnlineFeaturesRequest{Entities: map[string]*typespb.RepeatedValue{},
		Kind: &servingpb.GetOnlineFeaturesRequest_Features{Features: &servingpb.FeatureList{Val: references}}}
	for i := 0; i < len(columns); i += 2 {
		r.Entities[columns[i].(string)] = columns[i+1].(*typespb.RepeatedValue)
	}
	return r
}

// raw is a message as it goes over the wire.
type raw []byte

// rawCodec leaves messages as they are.
type rawCodec struct{}

func (rawCodec) Name() string                  { return "proto" }
func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*raw), nil }
func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*raw) = append((*v.(*raw))[:0], data...)
	return nil
}

var forceRaw = grpc.ForceCodec(rawCodec{})

func encoded(tb testing.TB, m proto.Message) *raw {
	tb.Helper()
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	r := raw(bytes)
	return &r
}

func TestGetOnlineFeatures(t *testing.T) {
	client := servingpb.NewServingServiceClient(dial(t, start(t, grpcapi.Options{Reader: newReader(t), Version: "1.2"})))
	request := ask([]string{"visits:count", "visits:name", "visits:share", "visits:days", "visits:seen"},
		"user_id", texts("ann", "ann", "bob"), "shop_id", numbers(7, 1234567890123, 7))
	request.IncludeFeatureViewVersionMetadata = true
	got, err := client.GetOnlineFeatures(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	null, present, nothing, missing := &typespb.Value{}, servingpb.FieldStatus_PRESENT, servingpb.FieldStatus_NULL_VALUE, servingpb.FieldStatus_NOT_FOUND
	first, second, none := &timestamppb.Timestamp{Seconds: 1706659200, Nanos: 123000}, &timestamppb.Timestamp{Seconds: -1, Nanos: 500_000_000}, &timestamppb.Timestamp{}
	vector := func(v *typespb.Value) *servingpb.GetOnlineFeaturesResponse_FeatureVector {
		return &servingpb.GetOnlineFeaturesResponse_FeatureVector{Values: []*typespb.Value{v, null, null},
			Statuses: []servingpb.FieldStatus{present, nothing, missing}, EventTimestamps: []*timestamppb.Timestamp{first, second, none}}
	}
	keys := func(list *typespb.RepeatedValue) *servingpb.GetOnlineFeaturesResponse_FeatureVector {
		return &servingpb.GetOnlineFeaturesResponse_FeatureVector{Values: list.Val,
			Statuses: []servingpb.FieldStatus{present, present, present}, EventTimestamps: []*timestamppb.Timestamp{none, none, none}}
	}
	want := map[string]*servingpb.GetOnlineFeaturesResponse_FeatureVector{
		"user_id": keys(request.Entities["user_id"]),
		"shop_id": keys(request.Entities["shop_id"]),
		"count":   vector(&typespb.Value{Val: &typespb.Value_Int32Val{Int32Val: -5}}),
		"name":    vector(&typespb.Value{Val: &typespb.Value_StringVal{StringVal: "Ann é 😀"}}),
		"share":   vector(&typespb.Value{Val: &typespb.Value_FloatVal{FloatVal: 0.1}}),
		"days":    vector(&typespb.Value{Val: &typespb.Value_Int64ListVal{Int64ListVal: &typespb.Int64List{Val: []int64{1, -2}}}}),
		"seen":    vector(&typespb.Value{Val: &typespb.Value_UnixTimestampVal{UnixTimestampVal: -1}}),
	}
	names := got.Metadata.FeatureNames.Val
	for i, name := range names {
		if diff := cmp.Diff(want[name], got.Results[i], protocmp.Transform()); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
	if len(names) != 7 || len(got.Results) != 7 || strings.Join(names[2:], " ") != "count name share days seen" {
		t.Errorf("the columns are %v", names)
	}
	if diff := cmp.Diff([]*servingpb.FeatureViewMetadata{{Name: "visits", Version: 1}}, got.Metadata.FeatureViewMetadata, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	about, err := client.GetFeastServingInfo(t.Context(), &servingpb.GetFeastServingInfoRequest{})
	if err != nil || about.Version != "1.2" {
		t.Errorf("%v %v", about, err)
	}
}

// TestKeyForms asks with keys of other types than the declared ones, where
// they stand for the same.
func TestKeyForms(t *testing.T) {
	client := servingpb.NewServingServiceClient(dial(t, start(t, grpcapi.Options{Reader: newReader(t)})))
	for name, request := range map[string]*servingpb.GetOnlineFeaturesRequest{
		"a whole number as text":  ask([]string{"visits:count"}, "user_id", texts("ann"), "shop_id", texts("7")),
		"a 32-bit number":         ask([]string{"visits:count"}, "user_id", texts("ann"), "shop_id", &typespb.RepeatedValue{Val: []*typespb.Value{{Val: &typespb.Value_Int32Val{Int32Val: 7}}}}),
		"bytes":                   ask([]string{"tags:weight"}, "tag_id", &typespb.RepeatedValue{Val: []*typespb.Value{{Val: &typespb.Value_BytesVal{BytesVal: []byte{0, 255}}}}}),
		"bytes as base64":         ask([]string{"tags:weight"}, "tag_id", texts("AP8=")),
		"an entity by its name":   ask([]string{"tags:weight"}, "tag", texts("AP8=")),
		"a reference by its name": ask([]string{"weight"}, "tag", texts("AP8=")),
	} {
		got, err := client.GetOnlineFeatures(t.Context(), request)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if last := got.Results[len(got.Results)-1]; last.Statuses[0] != servingpb.FieldStatus_PRESENT {
			t.Errorf("%s: %v", name, last)
		}
	}
}

// Request data has values of any type; of what is computed from it every value
// is present, at the epoch.
func TestRequestData(t *testing.T) {
	client := servingpb.NewServingServiceClient(dial(t, start(t, grpcapi.Options{Reader: newReader(t)})))
	list := func(values ...*typespb.Value) *typespb.RepeatedValue { return &typespb.RepeatedValue{Val: values} }
	request := ask([]string{"sent:half", "sent:other", "sent:vector"}, "number",
		list(&typespb.Value{Val: &typespb.Value_DoubleVal{DoubleVal: 0.1}}, &typespb.Value{Val: &typespb.Value_DoubleVal{DoubleVal: math.NaN()}}))
	request.RequestContext = map[string]*typespb.RepeatedValue{
		"yes":  list(&typespb.Value{Val: &typespb.Value_BoolVal{BoolVal: true}}, &typespb.Value{Val: &typespb.Value_BoolVal{BoolVal: false}}),
		"list": list(&typespb.Value{Val: &typespb.Value_FloatListVal{FloatListVal: &typespb.FloatList{Val: []float32{0.1, 2}}}}, &typespb.Value{}),
	}
	got, err := client.GetOnlineFeatures(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	results := got.Results
	if len(results) != 3 || results[0].Values[0].GetDoubleVal() != 0.05 || results[0].Values[1].GetVal() != nil ||
		results[1].Values[0].GetBoolVal() || !results[1].Values[1].GetBoolVal() || !slices.Equal(results[2].Values[0].GetFloatListVal().GetVal(), []float32{0.1, 2}) {
		t.Errorf("values %v", results)
	}
	for _, r := range results {
		for i, status := range r.Statuses {
			if status != servingpb.FieldStatus_PRESENT || r.EventTimestamps[i].AsTime().Unix() != 0 {
				t.Errorf("status %s at %s", status, r.EventTimestamps[i].AsTime())
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	client := servingpb.NewServingServiceClient(dial(t, start(t, grpcapi.Options{Reader: newReader(t)})))
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for _, c := range []struct {
		request *servingpb.GetOnlineFeaturesRequest
		code    codes.Code
		says    string
	}{
		{ask([]string{"visit:count"}, "user_id", texts("ann")), codes.NotFound, `did you mean "visits"`},
		{ask([]string{"visits:cont"}, "user_id", texts("ann")), codes.NotFound, `did you mean "count"`},
		{ask([]string{"visits:count"}, "user_id", texts("ann")), codes.InvalidArgument, `"shop_id"`},
		{ask([]string{"visits:count"}, "user_id", numbers(4), "shop_id", numbers(7)), codes.InvalidArgument, "4 cannot be the value of join key"},
		{ask([]string{"visits:count"}, "user_id", &typespb.RepeatedValue{Val: []*typespb.Value{{}}}, "shop_id", numbers(7)), codes.InvalidArgument, "null is no key"},
		{ask([]string{"visits:count"}, "user_id", &typespb.RepeatedValue{Val: []*typespb.Value{{Val: &typespb.Value_BoolVal{BoolVal: true}}}}, "shop_id", numbers(7)), codes.InvalidArgument, "true cannot be the value of join key"},
		{ask([]string{"tags:weight"}, "tag_id", texts(many...)), codes.InvalidArgument, "the limit is 1000"},
	} {
		_, err := client.GetOnlineFeatures(t.Context(), c.request)
		if status.Code(err) != c.code || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%v: %v, and not %v with %q", c.request, err, c.code, c.says)
		}
	}
}

func TestBrokenMessage(t *testing.T) {
	conn := dial(t, start(t, grpcapi.Options{Reader: newReader(t)}))
	whole := *encoded(t, ask([]string{"visits:count"}, "user_id", texts("ann"), "shop_id", numbers(7)))
	for cut := 1; cut < len(whole); cut++ {
		part := whole[:cut]
		var message servingpb.GetOnlineFeaturesRequest
		err := conn.Invoke(t.Context(), servingpb.ServingService_GetOnlineFeatures_FullMethodName, &part, new(raw), forceRaw)
		if proto.Unmarshal(part, &message) != nil && (status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "no GetOnlineFeaturesRequest")) {
			t.Errorf("%d bytes: %v", cut, err)
		}
	}
	unknown := raw(protowire.AppendVarint(protowire.AppendTag(whole, 99, protowire.VarintType), 1))
	if err := conn.Invoke(t.Context(), servingpb.ServingService_GetOnlineFeatures_FullMethodName, &unknown, new(raw), forceRaw); err != nil {
		t.Errorf("a field of a later version: %v", err)
	}
}

// hanging never answers.
type hanging struct{ asof.OnlineStore }

func (hanging) Read(ctx context.Context, _ string, _ []*asof.Reading) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestSlowStore(t *testing.T) {
	registry := memory.NewRegistry(nil)
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{tag, tags}}); err != nil {
		t.Fatal(err)
	}
	client := servingpb.NewServingServiceClient(dial(t, start(t, grpcapi.Options{Reader: readerOf(t, registry, hanging{}), Timeout: 20 * time.Millisecond})))
	_, err := client.GetOnlineFeatures(t.Context(), ask([]string{"tags:weight"}, "tag_id", texts("AP8=")))
	if status.Code(err) != codes.Unavailable || !strings.Contains(fmt.Sprint(err), "did not answer in time") {
		t.Error(err)
	}
}

func TestHealth(t *testing.T) {
	client := healthpb.NewHealthClient(dial(t, start(t, grpcapi.Options{Reader: newReader(t)})))
	for _, service := range []string{"", "feast.serving.ServingService"} {
		got, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
		if err != nil || got.Status != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v %v", service, got, err)
		}
	}
}

// TestReflection asks for the services, and for the file that describes ours.
func TestReflection(t *testing.T) {
	stream, err := reflectionpb.NewServerReflectionClient(dial(t, start(t, grpcapi.Options{Reader: newReader(t)}))).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask := func(r *reflectionpb.ServerReflectionRequest) *reflectionpb.ServerReflectionResponse {
		if err := stream.Send(r); err != nil {
			t.Fatal(err)
		}
		answer, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	services := ask(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}})
	var names []string
	for _, s := range services.GetListServicesResponse().GetService() {
		names = append(names, s.Name)
	}
	if !slices.Contains(names, "feast.serving.ServingService") || !slices.Contains(names, "grpc.health.v1.Health") {
		t.Errorf("the services are %v", names)
	}
	file := ask(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "feast.serving.ServingService"}})
	var described descriptorpb.FileDescriptorProto
	if err := proto.Unmarshal(file.GetFileDescriptorResponse().GetFileDescriptorProto()[0], &described); err != nil {
		t.Fatal(err)
	}
	if methods := described.Service[0].Method; len(methods) != 2 || methods[1].GetName() != "GetOnlineFeatures" {
		t.Errorf("the methods are %v", methods)
	}
	stream.CloseSend()
}

// sdkClient calls the server with the stubs that Feast's SDK carries.
const sdkClient = `
import sys, grpc
from feast.protos.feast.serving.ServingService_pb2 import FeatureList, GetOnlineFeaturesRequest, GetFeastServingInfoRequest
from feast.protos.feast.serving.ServingService_pb2_grpc import ServingServiceStub
from feast.protos.feast.types.Value_pb2 import RepeatedValue, Value

with grpc.insecure_channel(sys.argv[1]) as channel:
    stub = ServingServiceStub(channel)
    answer = stub.GetOnlineFeatures(GetOnlineFeaturesRequest(
        features=FeatureList(val=["visits:count", "visits:name"]), full_feature_names=True,
        entities={"user_id": RepeatedValue(val=[Value(string_val="ann")]), "shop_id": RepeatedValue(val=[Value(int64_val=7)])}))
    columns = dict(zip(answer.metadata.feature_names.val, answer.results))
    print(columns["visits__count"].values[0].int32_val, columns["visits__name"].values[0].string_val, columns["visits__name"].event_timestamps[0].ToJsonString())
    try:
        stub.GetOnlineFeatures(GetOnlineFeaturesRequest(feature_service="nope"))
    except grpc.RpcError as error:
        print(error.code().name, error.details())
    print(stub.GetFeastServingInfo(GetFeastServingInfoRequest()).version)
`

func TestFeastsStubs(t *testing.T) {
	address := start(t, grpcapi.Options{Reader: newReader(t), Version: "1.2"})
	want := `-5 Ann é 😀 2024-01-31T00:00:00.000123Z
NOT_FOUND feature service "nope" does not exist in this project
1.2
`
	if diff := cmp.Diff(want, string(storetest.RunPython(t, sdkClient, address))); diff != "" {
		t.Error(diff)
	}
}

// outcomes keeps what an Observer is told.
type outcomes chan serving.Outcome

func (o outcomes) Answered(a *serving.Outcome) {
	kept := *a
	kept.Views = slices.Clone(a.Views)
	o <- kept
}

func TestObserver(t *testing.T) {
	seen := make(outcomes, 1)
	client := servingpb.NewServingServiceClient(dial(t, start(t, grpcapi.Options{Reader: newReader(t), Observer: seen})))
	if _, err := client.GetOnlineFeatures(t.Context(), ask([]string{"visits:count", "visits:name"}, "user_id", texts("ann", "eve"), "shop_id", numbers(7, 7))); err != nil {
		t.Fatal(err)
	}
	got := <-seen
	if got.Route != grpcapi.Route || got.Code != "OK" || got.Failed || !got.Asked || got.Features != 2 || got.Rows != 2 || got.Took <= 0 || got.Store <= 0 ||
		len(got.Views) != 1 || got.Views[0].View != "visits" || got.Views[0].Statuses != [5]int{asof.StatusPresent: 2, asof.StatusNotFound: 2} {
		t.Errorf("an answer is %+v", got)
	}
	if _, err := client.GetOnlineFeatures(t.Context(), ask([]string{"visit:count"}, "user_id", texts("ann"))); err == nil {
		t.Error("a view that is not there is answered")
	}
	if got := <-seen; got.Code != "NotFound" || !got.Failed || got.Read || len(got.Views) != 0 {
		t.Errorf("a mistake is %+v", got)
	}
}
