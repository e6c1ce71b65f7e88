package asof_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
)

func TestProjectionQuery(t *testing.T) {
	source := &asof.DataSource{Name: "trips", Kind: asof.SourcePostgres, TimestampField: "at", CreatedField: "loaded",
		FieldMapping: map[string]string{"drv": "driver", "z": "trips", "a": "trips"}}
	ttl := 36 * time.Hour
	text, number := asof.Scalar(asof.TypeString), asof.Scalar(asof.TypeInt64)
	view := &asof.FeatureView{Name: "trips_fv", TTL: &ttl, Source: source,
		EntityColumns: []asof.Field{{Name: "driver", Type: text}, {Name: "shop", Type: number}},
		Features:      []asof.Field{{Name: "trips", Type: number}, {Name: "stars", Type: asof.Scalar(asof.TypeFloat32)}}}
	p := &asof.Projection{View: "trips_fv", Alias: "buyer", JoinKeyMap: map[string]string{"driver": "buyer_id"},
		Features: []asof.Field{{Name: "stars"}}}
	got, err := p.Query(view)
	if err != nil {
		t.Fatal(err)
	}
	want := asof.ViewQuery{View: "buyer", Source: source, Timestamp: "at", Created: "loaded", TTL: ttl,
		Keys:     []asof.KeyColumn{{Column: "drv", Entity: "buyer_id", Type: text}, {Column: "shop", Entity: "shop", Type: number}},
		Features: []asof.FeatureColumn{{Column: "stars", Output: "stars", Type: asof.Scalar(asof.TypeFloat32)}},
		Order:    []string{"a", "stars"}, Ordered: []asof.Type{number, asof.Scalar(asof.TypeFloat32)}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	all, err := view.Query()
	if err != nil || len(all.Features) != 2 || !cmp.Equal(all.Features[0], asof.FeatureColumn{Column: "a", Output: "trips", Type: number}) || all.View != "trips_fv" {
		t.Errorf("%+v %v", all, err)
	}
}

func TestQueryOfOddViews(t *testing.T) {
	history := &asof.DataSource{Name: "history", TimestampField: "at"}
	pushed := &asof.FeatureView{Name: "pushed", Stream: &asof.DataSource{Name: "push", Kind: asof.SourcePush, Batch: history},
		EntityColumns: []asof.Field{{Name: asof.DummyJoinKey}}}
	if q, err := pushed.Query(); err != nil || q.Source != history || len(q.Keys) != 0 {
		t.Errorf("%+v %v: want the history of the push source, and no keys", q, err)
	}
	streamed := &asof.FeatureView{Name: "streamed", Stream: &asof.DataSource{Name: "kafka", Kind: asof.SourceKafka}}
	if _, err := streamed.Query(); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("a view without history: %v", err)
	}
	_, err := (&asof.Projection{View: "pushed", Features: []asof.Field{{Name: "x"}}}).Query(pushed)
	if asof.ErrorCode(err) != asof.CodeNotFound || err.Error() != `feature view "pushed" has no feature "x"` {
		t.Errorf("a feature that is not there: %v", err)
	}
}
