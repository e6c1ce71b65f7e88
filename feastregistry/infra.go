package feastregistry

import (
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof/feastpb/core"
)

// Infra returns what Feast keeps of a project's infrastructure. A registry has
// one list for all of its projects; whose an object is shows in its name, which
// begins with the project's. What is nobody's is in every project's answer.
func Infra(registry *core.Registry, project string) *core.Infra {
	infra := &core.Infra{}
	for _, o := range registry.GetInfra().GetInfraObjects() {
		if owner := infraOwner(registry, o); owner == project || owner == "" {
			infra.InfraObjects = append(infra.InfraObjects, o)
		}
	}
	return infra
}

// SetInfra replaces what Infra returns of a project. Other projects' objects
// stay.
func SetInfra(registry *core.Registry, project string, infra *core.Infra) {
	all := proto.CloneOf(infra)
	for _, o := range registry.GetInfra().GetInfraObjects() {
		if owner := infraOwner(registry, o); owner != project && owner != "" {
			all.InfraObjects = append(all.InfraObjects, o)
		}
	}
	registry.Infra = all
}

// infraOwner returns the project whose table an object is: the one with the
// longest name that the table's begins with, "" where there is none.
func infraOwner(registry *core.Registry, o *core.InfraObject) (owner string) {
	name := o.GetSqliteTable().GetName()
	for _, p := range registry.GetProjects() {
		project := p.GetSpec().GetName()
		if len(project) > len(owner) && (strings.HasPrefix(name, project+"_") || strings.HasPrefix(name, project+".")) {
			owner = project
		}
	}
	return owner
}
