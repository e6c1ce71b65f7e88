package grpcapi_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/asof-dev/asof"
	servingpb "github.com/asof-dev/asof/feastpb/serving"
	typespb "github.com/asof-dev/asof/feastpb/types"
	"github.com/asof-dev/asof/grpcapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/push"
)

// scores is a view that a push source feeds.
var scores = &asof.FeatureView{Name: "scores", Entities: []string{"user"}, Online: true, Enabled: true, EntityColumns: []asof.Field{field("user_id", asof.TypeString)},
	Features: []asof.Field{field("wide", asof.TypeFloat64), field("count", asof.TypeInt32), field("since", asof.TypeUnixTimestamp), field("raw", asof.TypeBytes), field("list", asof.TypeFloat64List)},
	Stream:   &asof.DataSource{Name: "scored", Kind: asof.SourcePush}}

func float(v float32) *typespb.Value {
	return &typespb.Value{Val: &typespb.Value_FloatVal{FloatVal: v}}
}

func TestGrpcFeatureServerTakesRows(t *testing.T) {
	registry, store := memory.NewRegistry(nil), memory.NewOnline(3)
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{user, scores, scores.Stream}}); err != nil {
		t.Fatal(err)
	}
	reader := readerOf(t, registry, store)
	client := servingpb.NewGrpcFeatureServerClient(dial(t, start(t, grpcapi.Options{Reader: reader, Pusher: &push.Pusher{Project: project, Registry: registry, Online: store}})))
	typed := func() map[string]*typespb.Value {
		return map[string]*typespb.Value{"user_id": texts("ann").Val[0], "wide": float(0.1), "count": numbers(3).Val[0], "raw": {Val: &typespb.Value_BytesVal{BytesVal: []byte("\x00ÿ")}},
			"since": {Val: &typespb.Value_UnixTimestampVal{UnixTimestampVal: 1582977600}}, "list": {Val: &typespb.Value_FloatListVal{FloatListVal: &typespb.FloatList{Val: []float32{0.1}}}},
			"event_timestamp": {Val: &typespb.Value_UnixTimestampVal{UnixTimestampVal: 1714521600}}}
	}
	pushed, err := client.Push(t.Context(), &servingpb.PushRequest{TypedFeatures: typed(), StreamFeatureView: "scored", To: "online"})
	if err != nil || !pushed.Status {
		t.Fatal(pushed, err)
	}
	plain := map[string]string{"user_id": "bob", "wide": "0.1", "count": "4", "since": "2020-02-29T12:00:00Z", "raw": "AP8=", "list": "[1]", "event_timestamp": "2024-05-01T00:00:00"}
	written, err := client.WriteToOnlineStore(t.Context(), &servingpb.WriteToOnlineStoreRequest{Features: plain, FeatureViewName: "scores"})
	if err != nil || !written.Status {
		t.Fatal(written, err)
	}
	answer, err := client.GetOnlineFeatures(t.Context(), ask([]string{"scores:wide", "scores:count", "scores:since", "scores:raw", "scores:list"}, "user_id", texts("ann", "bob")))
	if err != nil {
		t.Fatal(err)
	}
	columns := answer.Results[1:]
	for i, want := range []string{
		"double_val:0.10000000149011612|double_val:0.1", "int32_val:3|int32_val:4", "unix_timestamp_val:1582977600|unix_timestamp_val:1582977600",
		`bytes_val:"\x00ÿ"|bytes_val:"\x00\xff"`, "double_list_val:{val:0.10000000149011612}|double_list_val:{val:1}"} {
		var got []string
		for _, v := range columns[i].Values {
			got = append(got, strings.ReplaceAll(v.String(), " ", ""))
		}
		if strings.Join(got, "|") != want {
			t.Errorf("column %d holds %s, want %s", i, got, want)
		}
		if at := columns[i].EventTimestamps[0].AsTime(); at.Unix() != 1714521600 {
			t.Errorf("column %d is of %s", i, at)
		}
	}

	wrong := typed()
	wrong["count"] = float(1.5)
	for _, c := range []struct {
		request *servingpb.PushRequest
		code    codes.Code
		want    string
	}{
		{&servingpb.PushRequest{TypedFeatures: typed(), Features: plain, StreamFeatureView: "scored", To: "online"}, codes.InvalidArgument, "only one of features and typed_features may be set, not both"},
		{&servingpb.PushRequest{TypedFeatures: typed(), StreamFeatureView: "nope", To: "online"}, codes.NotFound, `push source "nope" does not exist`},
		{&servingpb.PushRequest{TypedFeatures: typed(), StreamFeatureView: "scored"}, codes.InvalidArgument, `to is ""; it has to be "online", "offline" or "online_and_offline"`},
		{&servingpb.PushRequest{TypedFeatures: wrong, StreamFeatureView: "scored", To: "online"}, codes.InvalidArgument, `row 1, column "count": 1.5 does not fit Int32`},
		{&servingpb.PushRequest{TypedFeatures: map[string]*typespb.Value{"user_id": {}, "event_timestamp": typed()["event_timestamp"]}, StreamFeatureView: "scored", To: "online"}, codes.InvalidArgument, `row 1, column "user_id": null is no value of join key`},
	} {
		_, err := client.Push(t.Context(), c.request)
		if status.Code(err) != c.code || !strings.Contains(status.Convert(err).Message(), c.want) {
			t.Errorf("%v: %v, want %s %s", c.request, err, c.code, c.want)
		}
	}
	_, err = client.WriteToOnlineStore(t.Context(), &servingpb.WriteToOnlineStoreRequest{Features: plain, FeatureViewName: "score"})
	if status.Code(err) != codes.NotFound || !strings.Contains(err.Error(), `did you mean "scores"?`) {
		t.Error(err)
	}
	reads := servingpb.NewGrpcFeatureServerClient(dial(t, start(t, grpcapi.Options{Reader: reader})))
	if _, err := reads.Push(t.Context(), &servingpb.PushRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("a server that takes no rows: %v", err)
	}
}
