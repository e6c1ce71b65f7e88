package registryrest

import (
	"net/http"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
)

type permissionBody struct {
	Name         string            `json:"name" need:"true"`
	Project      string            `json:"project" need:"true"`
	Types        []string          `json:"types" about:"FEATURE_VIEW, ENTITY, …"`
	NamePatterns []string          `json:"name_patterns"`
	Actions      []string          `json:"actions" about:"DESCRIBE, READ_ONLINE, …"`
	Policy       policyBody        `json:"policy" need:"true"`
	Tags         map[string]string `json:"tags"`
	RequiredTags map[string]string `json:"required_tags"`
}

// policyBody holds one of the policies.
type policyBody struct {
	Role *struct {
		Roles []string `json:"roles" need:"true"`
	} `json:"role_based_policy"`
	Group *struct {
		Groups []string `json:"groups" need:"true"`
	} `json:"group_based_policy"`
	Namespace *struct {
		Namespaces []string `json:"namespaces" need:"true"`
	} `json:"namespace_based_policy"`
	Combined *struct {
		Groups     []string `json:"groups" need:"true"`
		Namespaces []string `json:"namespaces" need:"true"`
	} `json:"combined_group_namespace_policy"`
}

func (b policyBody) message() (*core.Policy, error) {
	switch {
	case b.Role != nil:
		return &core.Policy{PolicyType: &core.Policy_RoleBasedPolicy{RoleBasedPolicy: &core.RoleBasedPolicy{Roles: b.Role.Roles}}}, nil
	case b.Group != nil:
		return &core.Policy{PolicyType: &core.Policy_GroupBasedPolicy{GroupBasedPolicy: &core.GroupBasedPolicy{Groups: b.Group.Groups}}}, nil
	case b.Namespace != nil:
		return &core.Policy{PolicyType: &core.Policy_NamespaceBasedPolicy{NamespaceBasedPolicy: &core.NamespaceBasedPolicy{Namespaces: b.Namespace.Namespaces}}}, nil
	case b.Combined != nil:
		return &core.Policy{PolicyType: &core.Policy_CombinedGroupNamespacePolicy{
			CombinedGroupNamespacePolicy: &core.CombinedGroupNamespacePolicy{Groups: b.Combined.Groups, Namespaces: b.Combined.Namespaces}}}, nil
	}
	return nil, malformed("policy of the body holds no policy: give role_based_policy, group_based_policy, namespace_based_policy or combined_group_namespace_policy")
}

func applyPermission(c *call) (any, error) {
	var b permissionBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	spec := &core.PermissionSpec{Name: b.Name, NamePatterns: b.NamePatterns, Tags: b.Tags, RequiredTags: b.RequiredTags}
	var err error
	if spec.Types, err = named[core.PermissionSpec_Type]("types", b.Types, core.PermissionSpec_FEATURE_VIEW.Descriptor()); err != nil {
		return nil, err
	}
	if spec.Actions, err = named[core.PermissionSpec_AuthzedAction]("actions", b.Actions, core.PermissionSpec_CREATE.Descriptor()); err != nil {
		return nil, err
	}
	if spec.Policy, err = b.Policy.message(); err != nil {
		return nil, err
	}
	_, err = c.registry.ApplyPermission(c.ctx, &pb.ApplyPermissionRequest{Project: b.Project, Commit: true, Permission: &core.Permission{Spec: spec}})
	return applied(b.Project, b.Name), err
}

// named returns the values of an enumeration by their names.
func named[E ~int32](at string, names []string, of protoreflect.EnumDescriptor) ([]E, error) {
	var list []E
	for _, name := range names {
		value := of.Values().ByName(protoreflect.Name(name))
		if value == nil {
			var known []string
			for i := range of.Values().Len() {
				known = append(known, string(of.Values().Get(i).Name()))
			}
			return nil, refused(http.StatusBadRequest, "%s has %q; its values are %s", at, name, strings.Join(known, ", "))
		}
		list = append(list, E(value.Number()))
	}
	return list, nil
}
