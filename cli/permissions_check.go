package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/permission"
)

// everyAction are the actions that permissions are about, in Feast's order.
var everyAction = []permission.Action{permission.Create, permission.Describe, permission.Update, permission.Delete,
	permission.ReadOnline, permission.ReadOffline, permission.WriteOnline, permission.WriteOffline}

// securable returns the objects that permissions are about, in Feast's order.
func (h registered) securable() (all []asof.Object) {
	for _, list := range []objectKind{
		{kind: asof.KindEntity, fields: []string{"entities"}},
		{kind: asof.KindFeatureView, fields: []string{"feature_views", "stream_feature_views", "on_demand_feature_views"}},
		{kind: asof.KindLabelView, fields: []string{"label_views"}},
		{kind: asof.KindService, fields: []string{"feature_services"}},
		{kind: asof.KindDataSource, fields: []string{"data_sources"}},
		{kind: asof.KindValidationRef, fields: []string{"validation_references"}},
		{kind: asof.KindSavedDataset, fields: []string{"saved_datasets"}},
		permissionKind,
	} {
		all = append(all, h.list(list)...)
	}
	return all
}

// objectClass is className, with the class of a data source.
func objectClass(o asof.Object) string {
	if s, ok := o.(*asof.DataSource); ok {
		return s.Class[strings.LastIndexByte(s.Class, '.')+1:]
	}
	return className(o)
}

func (a *app) checkPermissionsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check",
		Short:   "Show what no permission is about",
		Example: a.example("-c my_project permissions check"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRegistered(cmd.Context(), func(_ *repository, held registered) error {
				all, err := held.permissions()
				if err != nil {
					return err
				}
				return a.printUnsecured(all, held.securable())
			})
		},
	}
}

// printUnsecured prints the objects that no permission is about, and the
// actions that none of those about an object is about.
func (a *app) printUnsecured(all []granting, objects []asof.Object) error {
	unknown, open := [][]any{}, [][]any{}
	for _, o := range objects {
		left, covered := everyAction, false
		for _, g := range all {
			if !g.covered(o) {
				continue
			}
			covered = true
			left = slices.DeleteFunc(slices.Clone(left), func(action permission.Action) bool {
				return slices.ContainsFunc(g.spec.GetActions(), func(named core.PermissionSpec_AuthzedAction) bool { return action == 1<<named })
			})
		}
		if !covered {
			unknown = append(unknown, []any{o.ObjectName(), objectClass(o)})
		}
		if len(left) > 0 {
			open = append(open, []any{o.ObjectName(), objectClass(o), newLineList(left, permission.Action.String)})
		}
	}
	out := a.stdio.Out
	fmt.Fprintln(out, paint(out, red, "The following resources are not secured by any permission configuration:"))
	if err := a.printList("table", []string{"NAME", "TYPE"}, unknown); err != nil {
		return err
	}
	fmt.Fprintln(out, paint(out, red, "The following actions are not secured by any permission configuration "+
		"(Note: this might not be a security concern, depending on the used APIs):"))
	return a.printList("table", []string{"NAME", "TYPE", "UNSECURED ACTIONS"}, open)
}

// node is a name with others below it.
type node struct {
	name  string
	below []node
}

// print draws what is below a node.
func (n node) print(w io.Writer, indent string) {
	for i, child := range n.below {
		branch, further := "├── ", "│   "
		if i == len(n.below)-1 {
			branch, further = "└── ", "    "
		}
		fmt.Fprintln(w, indent+branch+child.name)
		child.print(w, indent+further)
	}
}

// coveredExample is what Feast shows before a tree of permissions.
const coveredExample = `
The structure of the feast-permissions list --verbose command will be as in the following example:

For example: 

permissions
├── permission_1 ['role names list']
│   ├── FeatureView: ['feature view names']
│   ├── FeatureService: none
│   └── ..
├── permission_2 ['role names list']
└── ..

-------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------
            
Permissions:

permissions
`

// printCovered draws the permissions, and the objects that each is about.
func (a *app) printCovered(all []granting, objects []asof.Object) error {
	var root node
	for _, g := range all {
		name := g.object.ObjectName()
		if roles := g.roles(); len(roles) > 0 {
			name += " " + pythonList(roles)
		}
		root.below = append(root.below, node{name, g.coveredTypes(objects)})
	}
	fmt.Fprint(a.stdio.Out, coveredExample)
	root.print(a.stdio.Out, "")
	return nil
}

// coveredTypes returns the types that a permission is about, each with the
// names of its objects. Those of which Feast shows none are left out.
func (g granting) coveredTypes(objects []asof.Object) (types []node) {
	for _, t := range g.spec.GetTypes() {
		colon := ":"
		switch t {
		case core.PermissionSpec_PROJECT, core.PermissionSpec_PERMISSION, core.PermissionSpec_LABEL_VIEW:
			continue
		case core.PermissionSpec_FEATURE_VIEW, core.PermissionSpec_ON_DEMAND_FEATURE_VIEW, core.PermissionSpec_BATCH_FEATURE_VIEW,
			core.PermissionSpec_STREAM_FEATURE_VIEW:
			colon = ""
		}
		var names []string
		for _, o := range objects {
			if ofType(o, t) && g.covered(o) {
				names = append(names, o.ObjectName())
			}
		}
		if len(names) == 0 {
			types = append(types, node{name: typeClass(t) + ": none"})
			continue
		}
		types = append(types, node{name: typeClass(t) + colon + " " + pythonList(names)})
	}
	return types
}

// ofType reports whether an object is of a type that permissions name: a batch
// or stream view is a feature view as well.
func ofType(o asof.Object, t core.PermissionSpec_Type) bool {
	if _, ok := o.(*asof.FeatureView); ok && t == core.PermissionSpec_FEATURE_VIEW {
		return true
	}
	return className(o) == typeClass(t)
}

func pythonList(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = pythonQuoted(text)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
