package registryrest

import (
	"net/http"

	pb "github.com/asof-dev/asof/feastpb/registry"
)

// route is one of the server's routes: what answers it, and what the OpenAPI
// document says of it.
type route struct {
	method, path string
	summary      string
	parameters   []parameter // of its query
	body         any         // the zero value of what its body holds, nil for none
	status       int         // of its answer, 0 for 200
	visited      string      // the kind of objects whose visits are kept, "" for none
	open         bool        // needs no token
	reply        schema      // of its answer, nil for an empty one
	answer       func(*call) (any, error)
}

// routes are all of them.
func routes() []route {
	var all []route
	for _, k := range []kind{entities, sources, views, labelViews, features, labels, services, datasets, permissions} {
		all = append(all, k.listRoute())
		if k.path != permissions.path {
			all = append(all, k.allRoute())
		}
		if k.get != nil {
			all = append(all, k.getRoute())
		}
		if k.remove != nil {
			all = append(all, k.removeRoute())
		}
	}
	all = append(all, featureRoute(), searchRoute(), visitRoute())
	all = append(all, projectRoutes()...)
	all = append(all, applyRoutes()...)
	all = append(all, datasetRoutes()...)
	all = append(all, lineageRoutes()...)
	all = append(all, inventoryRoutes()...)
	all = append(all, engineRoutes()...)
	return append(all, serverRoutes()...)
}

// serverRoutes are about the server itself.
func serverRoutes() []route {
	return []route{
		{method: "GET", path: "/version", summary: "The version of Feast whose routes these are", reply: objectOf("version", text), answer: func(c *call) (any, error) {
			return object{{"version", c.FeastVersion}}, nil
		}},
		{method: "POST", path: "/registry/refresh", summary: "Of no effect: an answer is always of the registry as it is", answer: func(c *call) (any, error) {
			_, err := c.registry.Refresh(c.ctx, &pb.RefreshRequest{Project: c.Project})
			return []byte{}, err
		}},
		{method: "GET", path: "/openapi.json", summary: "This document", open: true, reply: objectOf("openapi", text), answer: func(c *call) (any, error) {
			return c.document, nil
		}},
		unmonitored("GET", "/monitoring/jobs/{job_id}"),
		unmonitored("GET", "/monitoring/metrics/{of}"),
		unmonitored("POST", "/monitoring/{what}"),
		unmonitored("POST", "/monitoring/{what}/{of}"),
	}
}

// unmonitored answers as a server of Feast's does whose monitoring is off.
func unmonitored(method, path string) route {
	return route{method: method, path: path, summary: "Of no use: no statistics of features are kept", reply: refTo("Error"), answer: func(*call) (any, error) {
		return nil, refused(http.StatusServiceUnavailable, "Monitoring is not enabled: this server keeps no statistics of features")
	}}
}
