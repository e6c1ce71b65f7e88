package definition_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestSettingsHideSecrets: also those that YAML takes for numbers.
func TestSettingsHideSecrets(t *testing.T) {
	c, err := config(t, `project: p
registry: r.db
online_store: {type: postgres, password: 12345678, port: 5432}
auth: {type: oidc, client_secret: 87654321, token_env_var: TOKEN, jwks_cache_lifespan_seconds: 60, token_refresh_margin_seconds: 30}
`)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := c.Settings()
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprint(settings)
	if strings.Contains(printed, "12345678") || strings.Contains(printed, "87654321") || strings.Count(printed, "********") != 2 {
		t.Errorf("secrets are printed: %s", printed)
	}
	for _, plain := range []string{"TOKEN", "5432", "60", "30"} {
		if !strings.Contains(printed, plain) {
			t.Errorf("%s is hidden: %s", plain, printed)
		}
	}
}
