package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/permission"
)

// Guard returns who may use the repository's servers, and for what: nil for
// everybody, where feature_store.yaml asks for no tokens. It tells on standard
// error what is left open.
func (r *repository) Guard(ctx context.Context) (*permission.Guard, error) {
	if r.config.Auth.Type == "no_auth" {
		return nil, nil
	}
	return opened(r, &r.guard, func() (*permission.Guard, error) {
		guard, err := r.newGuard()
		if err != nil {
			return nil, asof.Errorf(asof.ErrorCode(err), "%s: %w", r.config.Path, err)
		}
		r.tellAuth(ctx, guard)
		return guard, nil
	})
}

func (r *repository) newGuard() (*permission.Guard, error) {
	auth := r.config.Auth
	switch {
	case auth.Type == "kubernetes":
		return nil, asof.Errorf(asof.CodeInvalid, "servers do not take `auth: {type: kubernetes}`, for which a cluster has to be asked with every token; "+
			"write `type: oidc` with the auth_discovery_url of the issuer of the cluster's service accounts, or of another")
	case auth.DiscoveryURL == "":
		return nil, asof.Errorf(asof.CodeInvalid, "auth has no auth_discovery_url, by which servers find the keys of tokens; "+
			"write the issuer's https://HOST/…/.well-known/openid-configuration")
	}
	return permission.New(permission.Options{Log: slog.Default(), Secret: os.Getenv("INTRA_COMMUNICATION_BASE64"), Issuer: permission.Issuer{
		DiscoveryURL: auth.DiscoveryURL, ClientID: auth.ClientID, Audience: auth.Audience, Name: auth.Issuer,
		CAFile: r.app.path(auth.CAFile), SkipVerify: auth.SkipVerify, KeepKeys: auth.KeepKeys, Timeout: auth.Timeout}})
}

// login returns what signs people in by a browser: as Feast's UI does, by
// ui_client_id, which has no secret, else by client_id; nil where there is none.
func (r *repository) login(guard *permission.Guard) *permission.Login {
	auth := r.config.Auth
	if auth.UIClientID != "" {
		return guard.Login(auth.UIClientID, "")
	}
	return guard.Login(auth.ClientID, auth.ClientSecret)
}

// tellAuth says whose tokens are taken, and what whoever has one may do without
// a permission.
func (r *repository) tellAuth(ctx context.Context, guard *permission.Guard) {
	out := r.app.stdio.Err
	note := func(format string, args ...any) {
		fmt.Fprintf(out, "%s %s\n", paint(out, yellow, "note:"), fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(out, "Callers need a token of %s\n", r.config.Auth.DiscoveryURL)
	if r.config.Auth.Audience == "" {
		note("a token for any audience is taken: set auth.audience to take those that were made for this feature store")
	}
	if os.Getenv("INTRA_COMMUNICATION_BASE64") != "" {
		note("whoever knows INTRA_COMMUNICATION_BASE64 may do everything")
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := guard.Ready(ctx); err != nil {
		fmt.Fprintf(out, "%s no token can be checked yet: %s\n", paint(out, yellow, "warning:"), err)
	}
	registry, err := r.Registry(ctx)
	if err != nil {
		return // the servers say so themselves
	}
	snapshot, err := registry.Snapshot(ctx, r.config.Project)
	if err != nil {
		return
	}
	permissions := guard.Permissions(snapshot)
	if permissions.Empty() {
		note("project %s has no permissions, so everybody who has a token may do everything", r.config.Project)
	}
	for _, problem := range permissions.Problems() {
		fmt.Fprintf(out, "%s %s\n", paint(out, yellow, "warning:"), problem)
	}
}
