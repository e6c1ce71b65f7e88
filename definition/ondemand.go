package definition

import (
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/python"
)

const onDemandParams = "entities:entities schema:fields sources:inputs input_schema:fields aggregations:aggregations mode:mode description:text tags:tags owner:text org:text write_to_online_store:bool singleton:bool track_metrics:bool version:text "

var onDemandClasses = []*class{
	{name: "OnDemandFeatureView", bases: anyView, modules: []string{"feast.on_demand_feature_view"}, build: newOnDemand,
		params: params(onDemandParams + "name:text! udf:function udf_string:text feature_transformation:any enabled:bool")},
	{name: "on_demand_feature_view", modules: []string{"-feast.on_demand_feature_view"}, build: onDemandDecorator,
		params: params(strings.Replace(onDemandParams, "schema:fields ", "schema:fields! ", 1) + "name:text explode:bool")},
}

func onDemandDecorator(a *arguments) starlark.Value {
	return decorator(a, func(b *arguments, f starlark.Value) starlark.Value {
		b.values["udf"] = f
		if !b.has("name") {
			b.values["name"] = starlark.String(f.(*python.Function).Name())
		}
		b.class = a.loader.class("OnDemandFeatureView")
		return newOnDemand(b)
	})
}

// newOnDemand builds an on-demand view from the arguments of the class or of the
// decorator.
func newOnDemand(a *arguments) starlark.Value {
	names, keys, entities := a.entities()
	columns, features := a.schema(keys, entities)
	v := &asof.OnDemandFeatureView{
		Name: a.text("name"), Features: features, Mode: "pandas", Singleton: a.bool("singleton", false),
		WriteToOnline: a.bool("write_to_online_store", false), Entities: names, EntityColumns: columns, Aggregations: a.aggregations(),
		Description: a.text("description"), Tags: a.texts("tags"), Owner: a.text("owner"), Org: a.text("org"),
		Version: a.version(), Enabled: a.bool("enabled", true), Meta: a.meta(),
	}
	if a.has("mode") {
		v.Mode = strings.ToLower(a.mode(asof.ViewPlain))
	}
	if v.Mode != "pandas" && v.Mode != "python" {
		a.problem("mode", "mode of %s is %q; write \"pandas\" or \"python\", or run with --python", v.Name, v.Mode)
	}
	if v.Singleton && v.Mode != "python" {
		a.problem("singleton", "singleton=True of %s needs mode=\"python\"", v.Name)
	}
	v.Function = a.function("udf", v.Mode)
	switch {
	case a.has("feature_transformation"):
		a.problem("feature_transformation", "feature_transformation cannot be read without Python; decorate the function with @on_demand_feature_view, or run with --python")
	case v.Function == nil && len(v.Aggregations) == 0 && !a.wrong:
		a.problemAt(a.site.Place, "on-demand view %s has no function: decorate one with @on_demand_feature_view", v.Name)
	}
	a.onDemandSources(v)
	return a.view(v, entities, features)
}

// onDemandSources lists the inputs by name, as the registry does; those of the
// same name replace one another.
func (a *arguments) onDemandSources(v *asof.OnDemandFeatureView) {
	for _, x := range a.list("sources") {
		o := x.(*object)
		if request, ok := o.noun.(*asof.DataSource); ok {
			v.Sources = addInput(v.Sources, asof.OnDemandSource{Name: request.Name, Request: request})
			continue
		}
		if _, ok := o.noun.(*asof.FeatureView); !ok {
			a.problem("sources", "%s %s cannot be a source of on-demand view %s: give the views that it is computed from", o.class, python.Text(o.attrs["name"]), v.Name)
			continue
		}
		projection := o.projection
		v.Sources = addInput(v.Sources, asof.OnDemandSource{Name: projection.View, View: &projection})
	}
	if a.has("input_schema") {
		request := &asof.DataSource{Name: "__input_schema__" + v.Name, Kind: asof.SourceRequest, Schema: a.fields("input_schema"), Meta: a.meta()}
		v.Sources = addInput(v.Sources, asof.OnDemandSource{Name: request.Name, Request: request})
	}
	if len(v.Sources) == 0 && !a.wrong {
		a.problemAt(a.site.Place, "on-demand view %s has no sources: give sources=[…] or input_schema=[…]", v.Name)
	}
	slices.SortFunc(v.Sources, func(s, o asof.OnDemandSource) int { return strings.Compare(s.Name, o.Name) })
}

func addInput(inputs []asof.OnDemandSource, input asof.OnDemandSource) []asof.OnDemandSource {
	if i := slices.IndexFunc(inputs, func(s asof.OnDemandSource) bool { return s.Name == input.Name }); i >= 0 {
		inputs[i] = input
		return inputs
	}
	return append(inputs, input)
}

// function is the function given for an argument, with its text and what its
// module gives it; nil for none.
func (a *arguments) function(name, mode string) *asof.Function {
	if !a.has(name) {
		return nil
	}
	f, ok := a.values[name].(*python.Function)
	if !ok {
		a.problem(name, "%s of %s must be a function of this repository, defined with def", name, a.text("name"))
		return nil
	}
	return &asof.Function{Name: f.Name(), Text: f.Source(), Imports: strings.Join(f.Prelude(), "\n"), Mode: mode}
}
