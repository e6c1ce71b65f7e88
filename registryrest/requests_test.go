package registryrest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// request is one that both servers are sent.
type request struct {
	method, target string
	body           any
	edit           func(theirs, ours any) // takes away where they differ on purpose
}

func (r request) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{r.method, r.target, r.body})
}

// in is the project of the repository.
const in = "?project=everything"

func get(format string, args ...any) request {
	return request{method: "GET", target: fmt.Sprintf(format, args...)}
}

// reads are requests that change nothing.
func reads() []request {
	var all []request
	add := func(r ...request) { all = append(all, r...) }
	for _, kind := range []string{"entities", "data_sources", "feature_views", "label_views", "features", "labels", "feature_services", "saved_datasets"} {
		listed := get("/api/v1/%s%s&include_relationships=true", kind, in)
		if kind == "label_views" {
			listed.edit = without("relationships") // Feast looks for those of feature views
		}
		add(listed, get("/%s?project=nowhere", kind), get("/%s/all", kind))
		paged := get("/%s/all?limit=5&page=2&include_relationships=true", kind)
		paged.edit = relationshipsOfPage
		add(paged)
		add(get("/%s%s&limit=3&page=2&sort_by=name&sort_order=desc", kind, in), get("/%s%s&limit=2&page=77", kind, in))
		if !slices.Contains([]string{"features", "labels"}, kind) { // Feast knows no times of them
			add(get("/%s%s&limit=2&page=1&sort_by=last_updated_timestamp", kind, in))
		}
	}
	add(get("/features%s&feature_view=types&limit=3&page=2&sort_by=name&sort_order=desc", in), get("/features%s&name=hours&sort_by=feature_view", in))
	for _, target := range append(objects, "/label_views/labels", "/permissions/permission") {
		one := get("/api/v1%s%s&include_relationships=true", target, in)
		if strings.HasSuffix(target, "/labels") {
			one.edit = without("relationships") // as above
		}
		add(one, get("%s?project=nowhere", target))
	}
	for _, filter := range []string{"entity=user", "feature=hours", "feature_service=service", "data_source=stats", "tags=owner:x", "tags=owner:x&tags=no:t",
		"tags=nonsense", "updated_since=2024-01-01T00:00:00Z", "updated_since=2099-01-01", "entity=user&feature=hours&sort_by=name"} {
		add(get("/feature_views%s&%s", in, filter))
	}
	add(get("/feature_services%s&feature_view=plain", in), get("/saved_datasets%s&namespace=none", in), get("/permissions%s&include_relationships=true", in),
		get("/projects"), get("/projects?sort_by=name&sort_order=desc&limit=1&page=1"), get("/api/v1/projects/other"), get("/version"),
		get("/lineage/registry%s&filter_object_type=featureView&filter_object_name=no_ttl", in), get("/lineage/registry/all?filter_object_type=entity&filter_object_name=user"),
		get("/lineage/objects/entity/user%s&include_indirect=true&limit=4&page=1", in), get("/lineage/objects/feature/nope%s", in),
		get("/metrics/resource_counts%s", in), get("/metrics/resource_counts"), get("/metrics/popular_tags?limit=2"), get("/metrics/popular_tags?project=other"),
		get("/compute_engines/all"), get("/materialization_jobs%s&page=1&limit=5", in), get("/materialization_jobs%s&page=1&limit=5&status=failed", in), get("/lineage/complete/all"))
	engine := get("/compute_engines%s", in)
	engine.edit = without("online") // true of every view of Feast's
	add(engine)
	for _, page := range []string{"", "&limit=2&page=2&sort_by=name"} {
		complete := get("/lineage/complete%s%s", in, page)
		complete.edit = func(theirs, ours any) { // Feast has one relation less
			for _, v := range []any{theirs, ours} {
				delete(v.(map[string]any)["pagination"].(map[string]any), "relationships")
			}
		}
		add(complete)
	}
	for _, query := range []string{"user", "us", "zz", "mybatch", "owner", "d&sort_by=name&sort_order=asc&limit=4&page=2", "a&sort_by=type&sort_order=asc&limit=9", "&limit=5"} {
		add(get("/search?projects=everything&query=%s", query))
	}
	add(get("/search?query=user&projects=other"), get("/search?query=user&projects=other&projects=nowhere"), get("/search?query=user&projects=nowhere"), get("/search?query=zebra"))
	visited := get("/metrics/recently_visited%s", in)
	visited.edit = without("timestamp")
	again := get("/metrics/recently_visited%s&object=feature_views&limit=3&page=2&sort_by=object_name", in)
	again.edit = without("timestamp")
	return append(all, visited, again, get("/saved_datasets/jobs")) // a visit, for Feast
}

// mistakes are requests that are refused; each server says so in its own words.
func mistakes() []request {
	var all []request
	for _, target := range []string{"/entities", "/entities%s&limit=0", "/entities%s&limit=101", "/entities%s&page=x", "/entities%s&sort_order=up", "/entities%s&include_relationships=maybe",
		"/search", "/search?query=x&limit=1000", "/search?query=x&sort_by=size", "/feature_views%s&updated_since=soon", "/lineage/objects/nonsense/x%s", "/projects/nowhere",
		"/saved_datasets/jobs/nope", "/features/plain/nope%s", "/nope", "/entities/a/b/c", "/monitoring/metrics/features%s"} {
		all = append(all, get("%s", strings.ReplaceAll(target, "%s", in)))
	}
	all = append(all, request{method: "PUT", target: "/entities"}, request{method: "DELETE", target: "/entities/nope" + in}, request{method: "DELETE", target: "/entities/user"},
		request{method: "POST", target: "/entities", body: map[string]any{"name": "x"}},
		request{method: "POST", target: "/entities", body: []string{}},
		request{method: "POST", target: "/feature_views", body: map[string]any{"name": "x", "project": "everything", "batch_source": "nope"}},
		request{method: "POST", target: "/feature_services", body: map[string]any{"name": "x", "project": "everything", "features": []any{map[string]any{"feature_view_name": "nope"}}}},
		request{method: "POST", target: "/permissions", body: map[string]any{"name": "x", "project": "everything", "actions": []string{"NOPE"}, "policy": map[string]any{}}},
		request{method: "POST", target: "/saved_datasets", body: map[string]any{"name": " ", "project": "everything", "storage_path": "x"}},
		request{method: "POST", target: "/saved_datasets", body: map[string]any{"name": "dataset", "project": "everything", "storage_path": "x"}})
	for i := range all {
		all[i].edit = func(theirs, ours any) {
			delete(theirs.(map[string]any), "detail")
			delete(ours.(map[string]any), "detail")
		}
	}
	return all
}

// writes are requests that change the registry, and what is read of it then.
func writes() []request {
	put := func(kind string, body map[string]any) request {
		body["project"] = "everything"
		return request{method: "POST", target: "/api/v1/" + kind, body: body}
	}
	readWithout := func(name, format string, args ...any) request {
		r := get(format, args...)
		r.edit = without("createdTimestamp", "lastUpdatedTimestamp", name)
		return r
	}
	read := func(format string, args ...any) request { return readWithout("", format, args...) }
	return []request{
		put("entities", map[string]any{"name": "née", "join_key": "id", "value_type": 4, "description": "d", "tags": map[string]string{"ä": "ö"}, "owner": "o"}),
		read("/entities/n%%C3%%A9e%s", in),
		put("entities", map[string]any{"name": "user", "join_key": nil}),
		read("/entities%s&sort_by=name", in),
		put("data_sources", map[string]any{"name": "file", "type": 1, "timestamp_field": "at", "file_options": map[string]any{"uri": "x.parquet"}, "tags": map[string]string{"a": "b"}}),
		put("data_sources", map[string]any{"name": "table", "type": 2, "timestamp_field": "at", "bigquery_options": map[string]any{"table": "p.d.t"}}),
		put("data_sources", map[string]any{"name": "files", "type": 11, "timestamp_field": "at", "spark_options": map[string]any{"path": "x", "file_format": "parquet"}}),
		read("/data_sources%s&sort_by=name", in),
		put("feature_views", map[string]any{"name": "made", "entities": []string{"née"}, "batch_source": "file", "ttl_seconds": 60,
			"features": []any{map[string]any{"name": "f", "value_type": 5}, map[string]any{"name": "g", "description": "text"}}}),
		readWithout("entityColumns", "/feature_views/made%s", in), // Feast does not look them up
		put("feature_services", map[string]any{"name": "some", "features": []any{map[string]any{"feature_view_name": "made"}, map[string]any{"feature_view_name": "plain", "feature_names": []string{"visits"}}}}),
		read("/feature_services/some%s", in),
		put("permissions", map[string]any{"name": "p", "types": []string{"ENTITY", "LABEL_VIEW"}, "name_patterns": []string{"a.*"}, "actions": []string{"DESCRIBE", "DELETE"},
			"policy": map[string]any{"combined_group_namespace_policy": map[string]any{"groups": []string{"g"}, "namespaces": []string{"n"}}}, "required_tags": map[string]string{"a": "b"}}),
		read("/permissions/p%s", in),
		put("saved_datasets", map[string]any{"name": "kept", "storage_path": "s.parquet", "features": []string{"made:f"}, "join_keys": []string{"id"}, "namespace": "n"}),
		put("saved_datasets", map[string]any{"name": "asked", "storage_path": "t", "storage_type": "postgres", "feature_service_name": "some", "description": "d", "collection": "c"}),
		read("/saved_datasets%s&namespace=n", in),
		readWithout("joinKeys", "/saved_datasets/asked%s", in), // nor these
		{method: "DELETE", target: "/api/v1/saved_datasets/kept" + in}, {method: "DELETE", target: "/permissions/p" + in}, {method: "DELETE", target: "/feature_services/some" + in},
		{method: "DELETE", target: "/feature_views/made" + in}, {method: "DELETE", target: "/data_sources/file" + in}, {method: "DELETE", target: "/entities/n%C3%A9e" + in},
		get("/feature_views/made%s", in), read("/entities%s&sort_by=name", in), read("/metrics/resource_counts%s", in),
		{method: "POST", target: "/registry/refresh"},
	}
}

// plain takes out of an answer what is not compared. Feast leaves the class of
// most data sources out, and the saved datasets that a view is in; it reads
// on-demand views' sources as made now, their functions as pickled again, and no
// ttl as none; it writes the join keys of a stream view among its features,
// where ours are as they are registered; it does not know a feature's owner and times, and has what it
// says of a page of views among them. Relations of one object, and the
// projects that are searched, come in any order.
// Definitions are compared by what they make.
func plain(v any, at string) any {
	switch v := v.(type) {
	case []any:
		v = slices.DeleteFunc(v, func(e any) bool {
			m, _ := e.(map[string]any)
			target, _ := m["target"].(map[string]any)
			return target["type"] == "savedDataset" || at == "features" && m["name"] == "user_id" || at == "featureViews" && (m["totalCount"] != nil || len(m) == 1 && m["project"] != nil)
		})
		for i := range v {
			v[i] = plain(v[i], at)
		}
		slices.SortStableFunc(v, func(a, b any) int {
			if at == "projects_searched" {
				return strings.Compare(a.(string), b.(string))
			}
			return strings.Compare(relation(a), relation(b))
		})
		return v
	case map[string]any:
		for _, name := range []string{"dataSourceClassType", "featureDefinition", "registryLastUpdated"} {
			delete(v, name)
		}
		if v["kind"] == "feature" || v["kind"] == "label" {
			delete(v, "owner")
			delete(v, "createdTimestamp")
			delete(v, "lastUpdatedTimestamp")
		}
		switch at {
		case "requestDataSource":
			delete(v, "meta")
		case "userDefinedFunction":
			delete(v, "body")
		}
		if v["type"] == "streamFeatureView" {
			delete(v, "featureCount")
		}
		if v["ttl"] == "0s" {
			delete(v, "ttl")
		}
		for name := range v {
			v[name] = plain(v[name], name)
		}
	}
	return v
}

// relation is a relation as text, "" for what is none.
func relation(v any) string {
	if m, _ := v.(map[string]any); m["source"] == nil || m["target"] == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// without takes fields away, wherever they stand.
func without(names ...string) func(theirs, ours any) {
	return func(theirs, ours any) {
		for _, v := range []any{theirs, ours} {
			eachObject(v, func(o map[string]any) {
				for _, name := range names {
					delete(o, name)
				}
			})
		}
	}
}

func eachObject(v any, do func(map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			eachObject(e, do)
		}
	case map[string]any:
		do(v)
		for _, e := range v {
			eachObject(e, do)
		}
	}
}

// relationshipsOfPage leaves of Feast's relationships those of the page's
// objects, as ours are.
func relationshipsOfPage(theirs, ours any) {
	want, got := theirs.(map[string]any)["relationships"].(map[string]any), ours.(map[string]any)["relationships"].(map[string]any)
	for name := range want {
		if got[name] == nil {
			delete(want, name)
		}
	}
}
