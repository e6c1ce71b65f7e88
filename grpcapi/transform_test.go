package grpcapi_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/asof-dev/asof"
	servingpb "github.com/asof-dev/asof/feastpb/serving"
	"github.com/asof-dev/asof/grpcapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/ondemand"
	"github.com/asof-dev/asof/storetest"
)

// double is computed from a feature of visits and of a request.
var double = &asof.OnDemandFeatureView{Name: "double", Mode: "pandas", Enabled: true, Features: []asof.Field{field("twice", asof.TypeInt64), field("label", asof.TypeString)},
	Function: &asof.Function{Name: "double", Mode: "pandas", Text: "def double(df):\n    out = pd.DataFrame()\n    out['twice'] = df['count'] * 2\n    out['label'] = df['sent'].str.upper()\n    return out\n"},
	Sources: []asof.OnDemandSource{{Name: "visits", View: &asof.Projection{View: "visits", Features: []asof.Field{field("count", asof.TypeInt32)}}},
		{Name: "request", Request: &asof.DataSource{Name: "request", Kind: asof.SourceRequest, Schema: []asof.Field{field("sent", asof.TypeString)}}}}}

// ipcFile makes an Arrow IPC file of batches as JSON.
func ipcFile(t testing.TB, schema *arrow.Schema, batches ...string) *servingpb.ValueType {
	t.Helper()
	var out bytes.Buffer
	w, err := ipc.NewFileWriter(&out, ipc.WithSchema(schema))
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range batches {
		b, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, schema, strings.NewReader(rows))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		b.Release()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &servingpb.ValueType{Value: &servingpb.ValueType_ArrowValue{ArrowValue: out.Bytes()}}
}

func TestTransformationService(t *testing.T) {
	registry := memory.NewRegistry(nil)
	broken := *double
	broken.Name, broken.Function = "broken", &asof.Function{Name: "broken", Mode: "pandas", Text: "def broken(df):\n    df['twice'] = df['count'].rolling(2)\n    return df\n"}
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{user, shop, visits, double, &broken}}); err != nil {
		t.Fatal(err)
	}
	client := servingpb.NewTransformationServiceClient(dial(t, start(t, grpcapi.Options{Version: "1.2.3",
		Transformations: &grpcapi.Transformations{Registry: registry, Project: project, Programs: &ondemand.Programs{}}})))
	info, err := client.GetTransformationServiceInfo(t.Context(), &servingpb.GetTransformationServiceInfoRequest{})
	if err != nil || info.Version != "1.2.3" || info.Type != servingpb.TransformationServiceType_TRANSFORMATION_SERVICE_TYPE_PYTHON {
		t.Errorf("%v, %v", info, err)
	}
	// Names and types as another server has them: the feature's own name, wider numbers.
	schema := arrow.NewSchema([]arrow.Field{{Name: "sent", Type: arrow.BinaryTypes.LargeString, Nullable: true}, {Name: "count", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	answer, err := client.TransformFeatures(t.Context(), &servingpb.TransformFeaturesRequest{OnDemandFeatureViewName: "double", Project: project,
		TransformationInput: ipcFile(t, schema, `[{"sent": "a", "count": 3}, {"sent": "ß", "count": null}]`, `[]`, `[{"sent": null, "count": -1}]`)})
	if err != nil {
		t.Fatal(err)
	}
	file, err := ipc.NewFileReader(bytes.NewReader(answer.TransformationOutput.GetArrowValue()))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	got := file.Schema().Field(0).Name + " " + file.Schema().Field(1).Name
	for i := range file.NumRecords() {
		batch, err := file.RecordBatchAt(i)
		if err != nil {
			t.Fatal(err)
		}
		for c := range 2 {
			got += " " + batch.Column(c).String()
		}
		batch.Release()
	}
	if want := `double__twice double__label [6 (null)] ["A" "SS"] [] [] [-2] [(null)]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	narrow := arrow.NewSchema([]arrow.Field{{Name: "visits__count", Type: arrow.BinaryTypes.String}, {Name: "sent", Type: arrow.BinaryTypes.String}}, nil)
	for _, c := range []struct {
		request *servingpb.TransformFeaturesRequest
		code    codes.Code
		want    string
	}{
		{&servingpb.TransformFeaturesRequest{OnDemandFeatureViewName: "dubble"}, codes.NotFound, `did you mean "double"?`},
		{&servingpb.TransformFeaturesRequest{OnDemandFeatureViewName: "double", Project: "other"}, codes.NotFound, `project "other" is not served here`},
		{&servingpb.TransformFeaturesRequest{OnDemandFeatureViewName: "double"}, codes.InvalidArgument, "transformation_input is no Arrow IPC file"},
		{&servingpb.TransformFeaturesRequest{OnDemandFeatureViewName: "double", TransformationInput: &servingpb.ValueType{Value: &servingpb.ValueType_ArrowValue{ArrowValue: bytes.Repeat([]byte("ARROW1\x00\x00"), 9)}}}, codes.InvalidArgument, "transformation_input is no Arrow IPC file"},
		{&servingpb.TransformFeaturesRequest{OnDemandFeatureViewName: "double", TransformationInput: ipcFile(t, arrow.NewSchema(schema.Fields()[:1], nil), `[{"sent": "a"}]`)}, codes.InvalidArgument, `column "visits__count", which on-demand feature view "double" is computed from, is missing`},
		{&servingpb.TransformFeaturesRequest{OnDemandFeatureViewName: "double", TransformationInput: ipcFile(t, narrow, `[{"sent": "a", "visits__count": "1"}, {"sent": "a", "visits__count": "x"}]`)}, codes.InvalidArgument, `row 2, column "visits__count": "x" does not fit Int32`},
		{&servingpb.TransformFeaturesRequest{OnDemandFeatureViewName: "broken", TransformationInput: ipcFile(t, narrow)}, codes.InvalidArgument, `line 2 of the function`},
	} {
		_, err := client.TransformFeatures(t.Context(), c.request)
		if status.Code(err) != c.code || !strings.Contains(status.Convert(err).Message(), c.want) {
			t.Errorf("%s: %v, want %s %s", c.request.OnDemandFeatureViewName, err, c.code, c.want)
		}
	}
	if _, err := servingpb.NewGrpcFeatureServerClient(dial(t, start(t, grpcapi.Options{Transformations: &grpcapi.Transformations{Registry: registry, Project: project, Programs: &ondemand.Programs{}}}))).Push(t.Context(), &servingpb.PushRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("a server of transformations alone takes rows: %v", err)
	}
}

// TestAFileThatLies sends files that say of themselves what is not so: each is
// refused by a sentence, costs little, and leaves the server as it was.
func TestAFileThatLies(t *testing.T) {
	registry := memory.NewRegistry(nil)
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{user, shop, visits, double}}); err != nil {
		t.Fatal(err)
	}
	client := servingpb.NewTransformationServiceClient(dial(t, start(t, grpcapi.Options{Transformations: &grpcapi.Transformations{Registry: registry, Project: project, Programs: &ondemand.Programs{}}})))
	schema := arrow.NewSchema([]arrow.Field{{Name: "sent", Type: arrow.BinaryTypes.String}, {Name: "count", Type: arrow.PrimitiveTypes.Int32, Nullable: true}, {Name: "nothing", Type: arrow.Null, Nullable: true}}, nil)
	honest, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, schema, strings.NewReader(`[{"sent": "a", "count": 3}, {"sent": "b", "count": null}]`))
	if err != nil {
		t.Fatal(err)
	}
	defer honest.Release()
	ask := func(file []byte) error {
		_, err := client.TransformFeatures(t.Context(), &servingpb.TransformFeaturesRequest{OnDemandFeatureViewName: "double",
			TransformationInput: &servingpb.ValueType{Value: &servingpb.ValueType_ArrowValue{ArrowValue: file}}})
		return err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	lies := storetest.Lies(t, honest)
	for _, lie := range lies {
		if err := ask(storetest.File(lie.Messages)); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "transformation_input is no Arrow IPC file that can be read: ") {
			t.Errorf("%s: %v", lie.Name, err)
		}
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > uint64(len(lies))*2<<20 {
		t.Errorf("%d calls took %d bytes", len(lies), took)
	}
	if err := ask(storetest.File(storetest.Messages(t, honest))); err != nil {
		t.Errorf("after the lies: %v", err)
	}
}
