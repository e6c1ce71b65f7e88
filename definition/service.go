package definition

import (
	"strconv"
	"strings"

	"go.starlark.net/starlark"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/python"
)

var serviceClasses = []*class{
	{name: "FeatureService", modules: []string{"feast.feature_service"}, build: newService,
		params: params("name:text! features:views! tags:tags description:text owner:text logging_config:logging precompute_online:bool")},
	{name: "LoggingConfig", modules: []string{"-feast.feature_logging"}, positional: 2, build: newLogging,
		params: params("destination:destination! sample_rate:float")},
	destinationClass("FileLoggingDestination", "feast.infra.offline_stores.file_source", "fileDestination",
		"path:text! s3_endpoint_override:text partition_by:texts", "path", "s3_endpoint_override", "partition_by"),
	destinationClass("BigQueryLoggingDestination", "feast.infra.offline_stores.bigquery_source", "bigqueryDestination", "table_ref:text!", "table_ref"),
	destinationClass("RedshiftLoggingDestination", "feast.infra.offline_stores.redshift_source", "redshiftDestination", "table_name:text!", "table_name"),
	destinationClass("SnowflakeLoggingDestination", "feast.infra.offline_stores.snowflake_source", "snowflakeDestination", "table_name:text!", "table_name"),
	destinationClass("AthenaLoggingDestination", contrib+"athena_offline_store.athena_source", "athenaDestination", "table_name:text!", "table_name"),
}

// pendingService is a service whose features are partly named by texts, which
// are looked up when all views are known.
type pendingService struct {
	service *asof.FeatureService
	refs    []pendingRef
}

type pendingRef struct {
	text  string
	place python.Place
}

func newService(a *arguments) starlark.Value {
	s := &asof.FeatureService{Name: a.text("name"), Description: a.text("description"), Tags: a.texts("tags"), Owner: a.text("owner"),
		Precompute: a.bool("precompute_online", false), Meta: a.meta()}
	if s.Name == "" {
		a.problem("name", "a feature service needs a name")
	}
	if o := a.object("logging_config"); o != nil {
		s.Logging = a.message("feast.core.LoggingConfig", o.noun.(fields))
	}
	// Feast lists the views that are given as objects first.
	pending := pendingService{service: s}
	for _, x := range a.list("features") {
		if o, ok := x.(*object); ok {
			s.Projections = append(s.Projections, o.projection)
		} else {
			pending.refs = append(pending.refs, pendingRef{text: python.Text(x), place: a.site.Keyword("features")})
		}
	}
	if len(pending.refs) > 0 {
		a.loader.pending = append(a.loader.pending, pending)
	}
	o := a.made(s)
	a.loader.built = append(a.loader.built, o)
	return o
}

// resolveServices looks up what services name by text: view, view:feature,
// view@v2, view@v2:feature.
func (l *loader) resolveServices(views map[string]*object) {
	for _, p := range l.pending {
		for _, ref := range p.refs {
			view, feature, hasFeature := strings.Cut(ref.text, ":")
			view, version, _ := strings.Cut(view, "@")
			o := views[view]
			if o == nil {
				l.problem(ref.place, "feature service "+p.service.Name+" names the view \""+view+"\", which is not defined"+asof.DidYouMean(view, sortedNames(views)))
				continue
			}
			projection := o.projection
			if tag := versionTag(version); tag != nil {
				projection.VersionTag = tag
			}
			if hasFeature {
				f := fieldNamed(o.features(), feature)
				if f == nil {
					l.problem(ref.place, "feature service "+p.service.Name+" names the feature "+strconv.Quote(feature)+", which view "+view+" does not have"+asof.DidYouMean(feature, fieldNames(o.features())))
					continue
				}
				projection.Features = []asof.Field{*f}
			}
			p.service.Projections = append(p.service.Projections, projection)
		}
	}
}

func fieldNamed(fields []asof.Field, name string) *asof.Field {
	for i := range fields {
		if fields[i].Name == name {
			return &fields[i]
		}
	}
	return nil
}

func newLogging(a *arguments) starlark.Value {
	rate := 1.0
	if a.has("sample_rate") {
		rate, _ = starlark.AsFloat(a.values["sample_rate"])
	}
	config := fields{"sampleRate": rate}
	for name, value := range a.object("destination").noun.(fields) {
		config[name] = value
	}
	return a.made(config)
}

// destinationClass is a class of logging destinations: the field of
// LoggingConfig that holds it, and its settings.
func destinationClass(name, module, field, spec string, settings ...string) *class {
	return &class{name: name, modules: []string{"-" + module}, bases: []string{"LoggingDestination"}, params: params(spec), positional: len(settings),
		build: func(a *arguments) starlark.Value {
			content := fields{}
			for _, setting := range settings {
				if list := a.list(setting); list != nil {
					var texts []string
					for _, v := range list {
						texts = append(texts, python.Text(v))
					}
					content[setting] = texts
				} else if a.has(setting) {
					content[setting] = a.text(setting)
				}
			}
			return a.made(fields{field: content})
		}}
}
