package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/permission"
)

// permissionKind are permissions among the kinds of objects.
var permissionKind = objectKind{"permissions", asof.KindPermission, []string{"permissions"},
	[]string{"NAME", "TYPES", "NAME_PATTERNS", "ACTIONS", "ROLES", "REQUIRED_TAGS"}, nil}

func (a *app) permissionsCommand() *cobra.Command {
	return a.group("permissions", "List, describe and check permissions",
		a.listPermissionsCommand(), a.describeCommand(permissionKind), a.checkPermissionsCommand(), a.listRolesCommand())
}

// granting is a permission, and a set of permissions that tells what it is
// about, whoever asks.
type granting struct {
	object asof.Object
	spec   *core.PermissionSpec
	covers *permission.Set
}

// permissions returns the permissions of the project, in the registry's order.
func (h registered) permissions() (all []granting, err error) {
	for _, o := range h.list(permissionKind) {
		m := &core.Permission{}
		if err := proto.Unmarshal(o.(*asof.Opaque).Meta.Stored, m); err != nil {
			return nil, asof.Errorf(asof.CodeInvalid, "permission %q can't be read: %w", o.ObjectName(), err)
		}
		open := proto.CloneOf(m)
		open.Spec.Policy, open.Spec.Actions = nil, []core.PermissionSpec_AuthzedAction{core.PermissionSpec_DESCRIBE}
		all = append(all, granting{o, m.GetSpec(), permission.NewSet([]*core.Permission{open})})
	}
	return all, nil
}

// covered reports whether the permission is about an object.
func (g granting) covered(o asof.Object) bool {
	return g.covers.Check(&permission.User{}, permission.Of(o), permission.Describe) == nil
}

// roles returns the roles that the permission asks for, sorted, each once.
func (g granting) roles() []string {
	return slices.Compact(slices.Sorted(slices.Values(g.spec.GetPolicy().GetRoleBasedPolicy().GetRoles())))
}

func (a *app) listPermissionsCommand() *cobra.Command {
	var output string
	var tags []string
	var verbose bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the permissions of the project",
		Example: a.example("-c my_project permissions list", "-c my_project permissions list -v"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			wanted, err := parseTags(tags)
			if err != nil {
				return err
			}
			return a.withRegistered(cmd.Context(), func(_ *repository, held registered) error {
				all, err := held.permissions()
				if err != nil {
					return err
				}
				all = slices.DeleteFunc(all, func(g granting) bool { return !hasTags(g.object, wanted) })
				if verbose {
					return a.printCovered(all, held.securable())
				}
				rows := [][]any{}
				for _, g := range all {
					rows = append(rows, []any{g.object.ObjectName(), newLineList(g.spec.GetTypes(), typeClass), lineList(g.spec.GetNamePatterns()),
						newLineList(g.spec.GetActions(), core.PermissionSpec_AuthzedAction.String), lineList(g.roles()), tagLines(g.spec.GetRequiredTags())})
				}
				return a.printList(output, permissionKind.headers, rows)
			})
		},
	}
	outputFlag(cmd, &output)
	tagsFlag(cmd, &tags)
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "show the objects that each permission is about")
	return cmd
}

func newLineList[T any](values []T, text func(T) string) lineList {
	list := lineList{}
	for _, v := range values {
		list = append(list, text(v))
	}
	return list
}

func tagLines(tags map[string]string) lineList {
	list := lineList{}
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, name+" : "+tags[name])
	}
	return list
}

// typeClass returns the name of the Python class of a type of objects.
func typeClass(t core.PermissionSpec_Type) string {
	var name strings.Builder
	for _, word := range strings.Split(t.String(), "_") {
		name.WriteString(word[:1] + strings.ToLower(word[1:]))
	}
	return name.String()
}

func (a *app) listRolesCommand() *cobra.Command {
	var output string
	var verbose bool
	cmd := &cobra.Command{
		Use:     "list-roles",
		Short:   "List the roles that permissions ask for",
		Example: a.example("-c my_project permissions list-roles", "-c my_project permissions list-roles -v"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRegistered(cmd.Context(), func(_ *repository, held registered) error {
				all, err := held.permissions()
				if err != nil {
					return err
				}
				var roles []string
				for _, g := range all {
					roles = append(roles, g.roles()...)
				}
				roles = slices.Compact(slices.Sorted(slices.Values(roles)))
				if verbose {
					return a.printRoles(all, held.securable(), roles, output)
				}
				if output == "table" {
					return gridTable(a.stdio.Out, "ROLE NAME", roles)
				}
				rows := [][]any{}
				for _, role := range roles {
					rows = append(rows, []any{role})
				}
				return a.printList(output, []string{"ROLE NAME"}, rows)
			})
		},
	}
	outputFlag(cmd, &output)
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "show what each role may do with each object")
	return cmd
}

// printRoles prints what somebody with each of the roles may do.
func (a *app) printRoles(all []granting, objects []asof.Object, roles []string, output string) error {
	var messages []*core.Permission
	for _, g := range all {
		messages = append(messages, &core.Permission{Spec: g.spec})
	}
	set, rows := permission.NewSet(messages), [][]any{}
	for _, role := range roles {
		user := &permission.User{Roles: []string{role}}
		for _, o := range objects {
			permitted := lineList{}
			for _, action := range everyAction {
				if set.Check(user, permission.Of(o), action) == nil {
					permitted = append(permitted, action.String())
				}
			}
			rows = append(rows, []any{role, o.ObjectName(), objectClass(o), permitted})
		}
	}
	return a.printList(output, []string{"ROLE NAME", "RESOURCE NAME", "RESOURCE TYPE", "PERMITTED ACTIONS"}, rows)
}

// gridTable prints a column with lines around its cells.
func gridTable(w io.Writer, header string, cells []string) error {
	width := utf8.RuneCountInString(header) + 2
	for _, c := range cells {
		width = max(width, utf8.RuneCountInString(c))
	}
	line := func(fill string) string { return "+" + strings.Repeat(fill, width+2) + "+\n" }
	cell := func(text string) string {
		return "| " + text + strings.Repeat(" ", width-utf8.RuneCountInString(text)) + " |\n"
	}
	text := line("-") + cell(header) + line("=")
	for _, c := range cells {
		text += cell(c) + line("-")
	}
	if len(cells) == 0 {
		text += line("-")
	}
	_, err := fmt.Fprint(w, text)
	return err
}
