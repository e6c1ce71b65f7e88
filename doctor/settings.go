package doctor

import (
	"fmt"
	"strings"

	"github.com/asof-dev/asof"
)

// effectless are sections of feature_store.yaml that nothing here goes by.
var effectless = map[string]string{
	"batch_engine":            "materialization runs in this process: the batch engine is not used",
	"materialization":         "its settings have no effect: rows are pulled and written in batches of our own size",
	"materialization_engine":  "materialization runs in this process: the engine is not used",
	"openlineage":             "runs of pipelines send events; `apply` and `materialize` send none",
	"mlflow":                  "nothing is logged to MLflow",
	"data_quality_monitoring": "no metrics of data are computed: pipelines check new data",
	"embedding_model":         "no embeddings are made",
}

// settings says what the configuration means here.
func (r *Report) settings(p *Patient) {
	r.warnings(p.Config.Warnings)
	for _, key := range p.Config.Keys() {
		if sentence, ok := effectless[key]; ok {
			r.add(Differs, "", key+": "+sentence, p.Config.Place(key).String())
		}
	}
	if p.Config.Provider != "local" && p.Config.Provider != "" {
		r.add(Differs, "", fmt.Sprintf("provider %q: stores are used as they are configured; nothing is made in a cloud", p.Config.Provider), p.Config.Place("provider").String())
	}
	switch p.Config.Offline.Type {
	case "dask", "file":
		r.add(Differs, "Training data: rows", "training data has a row for each entity row: Feast's file store leaves out rows without a match, and repeats", p.Config.Place("offline_store").String())
	case "postgres":
		r.add(Differs, "Training data: composite keys", "keys of several columns are compared as tuples", p.Config.Place("offline_store").String())
	}
	if p.Config.Online.Type == "sqlite" {
		r.add(Differs, "Online: times in Feast's SQLite tables", "times in Feast's online tables are taken as UTC", p.Config.Place("online_store").String())
	}
	if t := p.Config.Online.Type; t == "sqlite" || t == "postgres" {
		r.add(Differs, "Online: an older event after a newer one", "an older row never replaces a newer one", p.Config.Place("online_store").String())
	}
	switch p.Config.Auth.Type {
	case "oidc":
		r.add(Works, "", "auth of type \"oidc\": every server asks for tokens, and goes by Feast's permissions", p.Config.Place("auth").String())
	case "kubernetes":
		r.add(Fails, "", "auth of type \"kubernetes\" is not served: put the servers behind a proxy that checks the tokens, or move to oidc", p.Config.Place("auth").String())
	}
	if p.Config.Registry.Type == "file" {
		r.add(Differs, "Registry file: writing", "the registry file is written beside the old one and renamed, under a lock", p.Config.Place("registry").String())
	}
}

// others says what becomes of services, permissions and what else is kept.
func (r *Report) others(p *Patient) {
	var logged, precomputed, services []asof.Object
	for _, o := range p.objects(asof.KindService) {
		s := o.(*asof.FeatureService)
		services = append(services, s)
		if len(s.Logging) > 0 {
			logged = append(logged, s)
		}
		if s.Precompute {
			precomputed = append(precomputed, s)
		}
	}
	r.many(Works, "", "feature services", services)
	if p.Config.Asof.Answers.Services {
		r.many(Works, "", "feature services with logging: what is served is logged, to folders of files", logged)
	} else {
		r.many(Differs, "", "feature services with logging: what is served is logged once feature_server.feature_logging is enabled", logged)
	}
	r.many(Differs, "", "feature services that are precomputed: they are read from their views, in one round trip", precomputed)
	r.many(Works, "", "saved datasets and validation references that are kept and listed", append(p.objects(asof.KindSavedDataset), p.objects(asof.KindValidationRef)...))
	r.many(Works, "", "permissions that are kept and listed", p.objects(asof.KindPermission))
}

// next says what to do, in the order in which to do it.
func (r *Report) next(p *Patient) {
	say := func(format string, args ...any) { r.Next = append(r.Next, fmt.Sprintf(format, args...)) }
	if fails := len(r.Of(Fails)); fails > 0 {
		say("see to what does not work (%d above); what is beside it can move already", fails)
	}
	if p.Unread != nil && strings.Contains(p.Unread.Error(), "--python") {
		say("or let an installed Feast read the definitions: `plan --python`")
	}
	switch {
	case p.Registered == nil:
		say("mend the registry's settings: what is registered could not be read")
	case p.Registered.Project() == nil:
		say("`apply` in a copy of the repository: the registry has nothing of project %s yet", p.Config.Project)
	default:
		say("`serve -p 6567` beside Feast's server, on the same registry and online store, and compare the answers: it only reads")
	}
	say("docs/from-feast.md goes through the move step by step, with the way back of each")
}
