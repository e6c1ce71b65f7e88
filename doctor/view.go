package doctor

import (
	"fmt"
	"strings"

	"github.com/asof-dev/asof"
)

// views says what becomes of the feature views: those that are read, those that
// are not and why, and where their answers are others than Feast's.
func (r *Report) views(p *Patient) {
	var read, chained, computed, streams, aged, ageless, floats, vectors []asof.Object
	unread := map[string][]asof.Object{} // by the class of their source
	for _, o := range p.objects(asof.KindFeatureView) {
		v := o.(*asof.FeatureView)
		source := v.Source
		if source == nil && v.Stream != nil {
			source = v.Stream.Batch
		}
		switch {
		case v.Function != nil || len(v.Aggregations) > 0:
			computed = append(computed, v)
			continue
		case len(v.SourceViews) > 0:
			chained = append(chained, v)
			continue
		case source == nil:
			unread["no batch source"] = append(unread["no batch source"], v)
			continue
		case source.Kind != asof.SourceFile && source.Kind != asof.SourcePostgres:
			class := "a " + source.Class[strings.LastIndexByte(source.Class, '.')+1:]
			unread[class] = append(unread[class], v)
			continue
		}
		read = append(read, v)
		if v.Stream != nil && v.Stream.Kind != asof.SourcePush {
			streams = append(streams, v)
		}
		if v.MaxAge() > 0 && v.Online {
			aged = append(aged, v)
		}
		if v.MaxAge() == 0 {
			ageless = append(ageless, v)
		}
		for _, f := range v.Features {
			if f.Type.Value == asof.TypeFloat32 {
				floats = append(floats, v)
				break
			}
		}
		for _, f := range v.Features {
			if f.VectorIndex {
				vectors = append(vectors, v)
				break
			}
		}
	}
	r.many(Works, "", "feature views that are materialized, served and joined to training data", read)
	for class, views := range unread {
		r.many(Fails, "", fmt.Sprintf("feature views that read from %s, which no engine here reads: they are registered, and have no values until their rows are in Parquet or PostgreSQL, or pushed", class), views)
	}
	r.many(Fails, "", "feature views that are computed by a function or by aggregations when they are materialized, which is not done here: leave them to Feast, or write their rows by a pipeline", computed)
	r.many(Fails, "", "feature views that are computed from other views, which is not done here: leave them to Feast", chained)
	r.many(Differs, "", "streams that are not consumed here: their views are filled from the batch source, and by push", streams)
	r.many(Differs, "Online: ttl", "values older than their ttl are marked OUTSIDE_MAX_AGE when they are read; `asof.on_expired: drop` leaves them out", aged)
	r.many(Differs, "Materialize: the first incremental run, ttl 0 or None", "the first materialize-incremental begins at the oldest row", ageless)
	r.many(Differs, "Training data: types", "Float32 features are float32 in training data, too", floats)
	r.many(Differs, "", "vectors are searched by reading and comparing every one of them, in any online store; searches by text and filters are refused", vectors)
	r.labels(p)
	r.onDemand(p)
}

func (r *Report) labels(p *Patient) {
	r.many(Fails, "", "label views are kept and listed; nothing here reads or writes their labels", p.objects(asof.KindLabelView))
}

// onDemand says of each function whether it can be run.
func (r *Report) onDemand(p *Patient) {
	var run []asof.Object
	for _, o := range p.objects(asof.KindOnDemandView) {
		v := o.(*asof.OnDemandFeatureView)
		sentence, ok := p.Function(v)
		if !ok {
			r.add(Fails, "", sentence+"; `asof.python` in feature_store.yaml may name an interpreter that has what it needs, `feature_server.transformation_service_endpoint` a transformation server of Feast's", placeOf(v))
			continue
		}
		run = append(run, v)
	}
	r.many(Works, "", "on-demand feature views whose functions run without Python, by asof.python or by a transformation service", run)
	r.many(Differs, "On-demand features: a row's answer", "each row of an on-demand view is computed by itself: integers stay integers beside a null", run)
}
