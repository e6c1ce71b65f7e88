package definition

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/asof-dev/asof"
)

// settingsOrder is the order in which Feast shows settings; others come behind.
var settingsOrder = []string{"project", "project_description", "provider", "registry", "online_store", "auth", "offline_store", "batch_engine",
	"feature_server", "embedding_model", "flags", "entity_key_serialization_version", "coerce_tz_aware", "materialization",
	"openlineage", "mlflow", "data_quality_monitoring"}

// settingsDefaults are what Feast fills in where the file says nothing.
var settingsDefaults = yaml.MapSlice{{Key: "online_store", Value: "sqlite"}, {Key: "auth", Value: yaml.MapSlice{{Key: "type", Value: "no_auth"}}},
	{Key: "offline_store", Value: "dask"}, {Key: "batch_engine", Value: "local"}}

// Settings returns the file's settings, with the environment's values put in
// and the defaults of Feast's stores, in the order in which Feast shows them.
// Passwords and the like are hidden.
func (c *Config) Settings() (yaml.MapSlice, error) {
	var settings yaml.MapSlice
	if err := yaml.NodeToValue(c.root, &settings, yaml.UseOrderedMap()); err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "%s: %s", c.Path, yamlMistake(err))
	}
	for _, standard := range settingsDefaults {
		if !slices.ContainsFunc(settings, func(s yaml.MapItem) bool { return s.Key == standard.Key }) {
			settings = append(settings, standard)
		}
	}
	rank := func(s yaml.MapItem) int {
		if at := slices.Index(settingsOrder, text(s.Key)); at >= 0 {
			return at
		}
		return len(settingsOrder)
	}
	slices.SortStableFunc(settings, func(a, b yaml.MapItem) int { return rank(a) - rank(b) })
	return hideSecrets(settings).(yaml.MapSlice), nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// hidden stands in the place of a secret.
const hidden = "********"

var (
	secretKey  = regexp.MustCompile(`(?i)password|passwd|secret|token|private_key|api_key|access_key|credential`)
	urlSecret  = regexp.MustCompile(`(://[^:/@\s]*:)[^@\s]+(@)`)
	pairSecret = regexp.MustCompile(`(?i)((?:password|passwd|secret|token)=)[^,;&\s]+`)
)

// hideSecrets hides values by what their keys say, and passwords within URLs
// and connection strings.
func hideSecrets(v any) any {
	switch v := v.(type) {
	case yaml.MapSlice:
		for i, item := range v {
			if item.Key == "notify" {
				hideWebhooks(item.Value)
			}
			if isSecret(text(item.Key), item.Value) {
				v[i].Value = hidden
				continue
			}
			v[i].Value = hideSecrets(item.Value)
		}
	case []any:
		for i := range v {
			v[i] = hideSecrets(v[i])
		}
	case string:
		return pairSecret.ReplaceAllString(urlSecret.ReplaceAllString(v, "${1}"+hidden+"${2}"), "${1}"+hidden)
	}
	return v
}

// isSecret reports whether the value of a key is one to hide: a text, or a number
// as a password without quotes is read.
func isSecret(key string, value any) bool {
	if !secretKey.MatchString(key) || strings.HasSuffix(key, "_env_var") || strings.HasSuffix(key, "_seconds") {
		return false
	}
	switch value := value.(type) {
	case nil, bool, yaml.MapSlice, []any:
		return false
	case string:
		return value != ""
	}
	return true
}

// hideWebhooks hides what is behind the hosts of webhooks, and their headers.
func hideWebhooks(v any) {
	list, _ := v.([]any)
	for _, target := range list {
		settings, _ := target.(yaml.MapSlice)
		for i, item := range settings {
			if headers, ok := item.Value.(yaml.MapSlice); ok && item.Key == "headers" {
				for j := range headers {
					headers[j].Value = hidden
				}
			}
			if item.Key == "url" {
				settings[i].Value = hidden
				if u, err := url.Parse(text(item.Value)); err == nil && u.Host != "" {
					settings[i].Value = u.Scheme + "://" + u.Host + "/" + hidden
				}
			}
		}
	}
}
