package registryrest

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"

	pb "github.com/asof-dev/asof/feastpb/registry"
)

// applied is what is told of an object that was put.
func applied(project, name string) object {
	return object{{"name", name}, {"project", project}, {"status", "applied"}}
}

// deleted is what is told of an object that was removed; gone is what is told of
// datasets.
func deleted(project, name string) object {
	return object{{"name", name}, {"project", project}, {"status", "deleted"}}
}

func gone(project, name string) object {
	return object{{"status", "ok"}, {"name", name}, {"project", project}}
}

// decode reads the body of a request into one of its route's form. What the
// body leaves out, or gives as null, stays as it is.
func (c *call) decode(body any) error {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(c.body, &given); err != nil {
		return malformed("the body is no JSON object: %s", err)
	}
	form := reflect.TypeOf(body).Elem()
	for i := range form.NumField() {
		name := form.Field(i).Tag.Get("json")
		if text, there := given[name]; form.Field(i).Tag.Get("need") != "" && (!there || bytes.Equal(text, []byte("null"))) {
			return malformed("the body has no %s", name)
		}
	}
	err := json.Unmarshal(c.body, body)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return malformed("%s of the body is a JSON %s; it has to be %s", wrong.Field, wrong.Value, wanted(wrong.Type))
	}
	if err != nil {
		return malformed("the body can't be read: %s", err)
	}
	return nil
}

// wanted is what JSON has for a type of ours.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a whole number"
}

// removeRoute removes an object.
func (k kind) removeRoute() route {
	return route{method: http.MethodDelete, path: "/" + k.path + "/{name}", summary: "Remove one of the " + k.noun, parameters: []parameter{project}, reply: refTo("Done"),
		answer: func(c *call) (any, error) {
			project, name := c.values.text("project"), c.request.PathValue("name")
			return k.done(project, name), k.remove(c, project, name)
		}}
}

func removeEntity(c *call, project, name string) error {
	_, err := c.registry.DeleteEntity(c.ctx, &pb.DeleteEntityRequest{Project: project, Name: name, Commit: true})
	return err
}

func removeSource(c *call, project, name string) error {
	_, err := c.registry.DeleteDataSource(c.ctx, &pb.DeleteDataSourceRequest{Project: project, Name: name, Commit: true})
	return err
}

func removeView(c *call, project, name string) error {
	_, err := c.registry.DeleteFeatureView(c.ctx, &pb.DeleteFeatureViewRequest{Project: project, Name: name, Commit: true})
	return err
}

func removeService(c *call, project, name string) error {
	_, err := c.registry.DeleteFeatureService(c.ctx, &pb.DeleteFeatureServiceRequest{Project: project, Name: name, Commit: true})
	return err
}

func removeDataset(c *call, project, name string) error {
	_, err := c.registry.DeleteSavedDataset(c.ctx, &pb.DeleteSavedDatasetRequest{Project: project, Name: name, Commit: true})
	return err
}

func removePermission(c *call, project, name string) error {
	_, err := c.registry.DeletePermission(c.ctx, &pb.DeletePermissionRequest{Project: project, Name: name, Commit: true})
	return err
}
