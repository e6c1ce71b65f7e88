package permission

import (
	"fmt"
	"slices"
	"strings"

	"github.com/asof-dev/asof/feastpb/core"
)

// policy says which users a permission grants: everybody, or those who have one
// of the roles, groups or namespaces.
type policy struct {
	everybody                 bool
	roles, groups, namespaces []string
}

func newPolicy(m *core.Policy) (policy, error) {
	switch p := m.GetPolicyType().(type) {
	case *core.Policy_RoleBasedPolicy:
		return policy{roles: p.RoleBasedPolicy.GetRoles()}, nil
	case *core.Policy_GroupBasedPolicy:
		return policy{groups: p.GroupBasedPolicy.GetGroups()}, nil
	case *core.Policy_NamespaceBasedPolicy:
		return policy{namespaces: p.NamespaceBasedPolicy.GetNamespaces()}, nil
	case *core.Policy_CombinedGroupNamespacePolicy:
		return policy{groups: p.CombinedGroupNamespacePolicy.GetGroups(), namespaces: p.CombinedGroupNamespacePolicy.GetNamespaces()}, nil
	}
	if len(m.ProtoReflect().GetUnknown()) > 0 {
		return policy{}, fmt.Errorf("its policy is of a kind that this version does not know")
	}
	return policy{everybody: true}, nil // AllowAll
}

func (p policy) grants(u *User) bool {
	return p.everybody || overlap(p.roles, u.Roles) || overlap(p.groups, u.Groups) || overlap(p.namespaces, u.Namespaces)
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// asks says what the policy wants of a user, for a sentence.
func (p policy) asks() string {
	var parts []string
	for _, list := range []struct {
		noun  string
		names []string
	}{{"role", p.roles}, {"group", p.groups}, {"namespace", p.namespaces}} {
		if len(list.names) > 0 {
			parts = append(parts, list.noun+" "+strings.Join(list.names, " or "))
		}
	}
	if len(parts) == 0 {
		return "a role, and names none"
	}
	return strings.Join(parts, ", or ")
}
