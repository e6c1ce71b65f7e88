package permission

import (
	"fmt"
	"slices"
	"strings"
)

// User is who bears a token.
type User struct {
	Name                      string
	Roles, Groups, Namespaces []string

	// Server is one of our own servers, known by INTRA_COMMUNICATION_BASE64: it
	// may do everything.
	Server bool
}

// Means returns a text that is the same for users who may do the same, whatever
// the permissions are; it does not name them. Nobody is a user without means.
func (u *User) Means() string {
	if u == nil {
		return "nobody"
	}
	var text strings.Builder
	fmt.Fprint(&text, u.Server)
	for _, list := range [][]string{u.Roles, u.Groups, u.Namespaces} {
		fmt.Fprintf(&text, " %q", slices.Compact(slices.Sorted(slices.Values(list))))
	}
	return text.String()
}

// claims are what a token says of its bearer. They are of any type, so that one
// that is not what it should be counts as absent, as in Feast.
type claims struct {
	PreferredUsername any `json:"preferred_username"`
	UPN               any `json:"upn"`
	AZP               any `json:"azp"`
	AppID             any `json:"appid"`
	Subject           any `json:"sub"`
	ResourceAccess    any `json:"resource_access"`
	Roles             any `json:"roles"`
	Groups            any `json:"groups"`
	Kubernetes        any `json:"kubernetes.io"`

	// Of the token that says who has signed in.
	Nonce any `json:"nonce"`
	Email any `json:"email"`
	Name  any `json:"name"`
}

// serviceAccount is how Kubernetes names the bearer of a service account's
// token: then its namespace and its name.
const serviceAccount = "system:serviceaccount:"

// user reads who bears a token, as Feast does: people by their name, programs by
// their application's; roles as Keycloak keeps them for a client, and as others
// do at the top. nil where the token names nobody.
func (c *claims) user(client string) *User {
	if _, ok := c.Kubernetes.(map[string]any); ok {
		subject, _ := c.Subject.(string)
		account, ok := strings.CutPrefix(subject, serviceAccount)
		if namespace, name, whole := strings.Cut(account, ":"); ok && whole && namespace != "" && name != "" {
			return &User{Name: subject, Namespaces: []string{namespace}}
		}
		return nil
	}
	u := &User{}
	if u.Name = firstText(c.PreferredUsername, c.UPN, c.AZP, c.AppID, c.Subject); u.Name == "" {
		return nil
	}
	if client != "" {
		ofClients, _ := c.ResourceAccess.(map[string]any)
		ofClient, _ := ofClients[client].(map[string]any)
		u.Roles = texts(ofClient["roles"])
	}
	for _, role := range texts(c.Roles) {
		if !slices.Contains(u.Roles, role) {
			u.Roles = append(u.Roles, role)
		}
	}
	u.Groups = texts(c.Groups)
	return u
}

// person returns who has signed in, by a name that people know.
func (c *claims) person() string {
	return firstText(c.PreferredUsername, c.UPN, c.Email, c.Name, c.Subject)
}

// firstText returns the first that is a text and not empty.
func firstText(among ...any) string {
	for _, v := range among {
		if text, _ := v.(string); text != "" {
			return text
		}
	}
	return ""
}

// texts returns the texts of a list.
func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, item := range list {
		if text, ok := item.(string); ok {
			out = append(out, text)
		}
	}
	return out
}
