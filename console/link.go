package console

import (
	"net/url"

	"github.com/asof-dev/asof"
)

// link names an object of the catalog.
type link struct {
	Kind string `json:"kind"` // as in addresses: "view", "feature", …
	Name string `json:"name"` // of a feature view:feature
}

// Path returns the address of the object's page.
func (l link) Path() string { return "/catalog/" + l.Kind + "/" + url.PathEscape(l.Name) }

// Lineage returns the address of the graph around the object.
func (l link) Lineage() string { return "/lineage?focus=" + url.QueryEscape(l.id()) }

func (l link) id() string { return l.Kind + "/" + l.Name }

// kindWords are the kinds as addresses have them.
var kindWords = map[asof.Kind]string{asof.KindEntity: "entity", asof.KindDataSource: "source", asof.KindFeatureView: "view",
	asof.KindOnDemandView: "on-demand-view", asof.KindService: "service"}

const featureKind = "feature"

func linkTo(o asof.Object) link { return link{kindWords[o.ObjectKind()], o.ObjectName()} }

func featureLink(view, feature string) link {
	return link{featureKind, asof.Reference{View: view, Feature: feature}.String()}
}
