package asof_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// loadCompose reads docker-compose.yml as `docker compose` would.
func loadCompose(t *testing.T, env ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"docker-compose.yml"}, cli.WithName("asof"), cli.WithEnv(env))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func composeService(t *testing.T, p *types.Project, name string) types.ServiceConfig {
	t.Helper()
	s, err := p.GetService(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestComposeServices(t *testing.T) {
	p := loadCompose(t)
	if got := p.ServiceNames(); !slices.Equal(got, []string{"api", "feast", "postgres", "worker"}) {
		t.Fatalf("services %v", got)
	}
	database := composeService(t, p, "postgres")
	if database.Image != "postgres:16" || database.HealthCheck == nil {
		t.Errorf("postgres is %s, health check %v", database.Image, database.HealthCheck)
	}
	if got := composeService(t, p, "worker").Command; !slices.Equal(got, []string{"pipeline", "work"}) {
		t.Errorf("the worker runs %v", got)
	}
	for name, port := range map[string]string{"feast": "6566", "api": "8000"} {
		s := composeService(t, p, name)
		if s.DependsOn["postgres"].Condition != types.ServiceConditionHealthy {
			t.Errorf("%s does not wait for PostgreSQL", name)
		}
		if want := []string{"serve", "-h", "0.0.0.0", "-p", port}; !slices.Equal(s.Command, want) {
			t.Errorf("%s runs %v, want %v", name, s.Command, want)
		}
		if want := []string{"CMD", "asof", "ping", "http://127.0.0.1:" + port + "/health"}; !slices.Equal(s.HealthCheck.Test, want) {
			t.Errorf("%s is checked by %v, want %v", name, s.HealthCheck.Test, want)
		}
		if len(s.Ports) != 1 || s.Ports[0].Published != port || strconv.Itoa(int(s.Ports[0].Target)) != port {
			t.Errorf("%s publishes %v, want %s", name, s.Ports, port)
		}
	}
}

// Both services reach PostgreSQL by the variables that the repository's
// feature_store.yaml asks for, with the account that the server makes.
func TestComposeEnvironment(t *testing.T) {
	p := loadCompose(t, "POSTGRES_PASSWORD=secret")
	yaml, err := os.ReadFile("definition/template/streamflow/feature_store.postgres.yaml")
	if err != nil {
		t.Fatal(err)
	}
	server := composeService(t, p, "postgres").Environment
	for _, name := range []string{"feast", "api", "worker"} {
		env := composeService(t, p, name).Environment
		for _, variable := range []string{"POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"} {
			if !strings.Contains(string(yaml), "${"+variable+"}") {
				t.Errorf("the repository does not ask for %s", variable)
			}
			if env[variable] == nil {
				t.Errorf("%s lacks %s", name, variable)
			}
		}
		for _, variable := range []string{"POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"} {
			if *env[variable] != *server[variable] {
				t.Errorf("%s of %s is %s, of the server %s", variable, name, *env[variable], *server[variable])
			}
		}
		if *env["POSTGRES_HOST"] != "postgres" || *env["POSTGRES_PASSWORD"] != "secret" {
			t.Errorf("%s reaches %s by %s", name, *env["POSTGRES_HOST"], *env["POSTGRES_PASSWORD"])
		}
	}
	api := composeService(t, p, "api").Environment
	if got := *api["ASOF_API_FEATURES"]; got != "months_active,monthly_fee,paperless_billing" {
		t.Errorf("api serves %s", got)
	}
}

// The repository is the image's own in a volume, or a folder from outside.
func TestComposeRepository(t *testing.T) {
	for _, c := range []struct {
		env          []string
		kind, source string
	}{
		{nil, types.VolumeTypeVolume, "repository"},
		{[]string{"ASOF_REPO=/srv/feature_repo"}, types.VolumeTypeBind, "/srv/feature_repo"},
	} {
		p := loadCompose(t, c.env...)
		for _, name := range []string{"feast", "api", "worker"} {
			volumes := composeService(t, p, name).Volumes
			if len(volumes) != 1 || volumes[0].Type != c.kind || volumes[0].Source != c.source || volumes[0].Target != "/repo" || volumes[0].ReadOnly {
				t.Errorf("%v: %s mounts %+v, want %s %s at /repo", c.env, name, volumes, c.kind, c.source)
			}
		}
	}
}

// What compose builds is in the Dockerfile, under the names that it uses.
func TestComposeBuild(t *testing.T) {
	p := loadCompose(t)
	dockerfile, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"feast", "api", "worker"} {
		build := composeService(t, p, name).Build
		if build == nil || !strings.Contains(string(dockerfile), " AS "+build.Target+"\n") {
			t.Errorf("%s builds target %v, which the Dockerfile does not have", name, build)
		}
	}
	for _, line := range []string{"WORKDIR /repo", "/usr/local/bin/feast", "ca-certificates libstdc++6 tzdata", `ENTRYPOINT ["asof"]`} {
		if !strings.Contains(string(dockerfile), line) {
			t.Errorf("the Dockerfile lacks %s", line)
		}
	}
}

// The profile "monitoring" asks both servers where they serve, and what it
// mounts is there.
func TestComposeMonitoring(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{"docker-compose.yml"}, cli.WithName("asof"), cli.WithProfiles([]string{"monitoring"}))
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mounted := map[string]string{}
	for _, name := range []string{"prometheus", "grafana"} {
		s := composeService(t, p, name)
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			text, err := os.ReadFile(v.Source)
			if err != nil || !v.ReadOnly {
				t.Errorf("%s mounts %s, read-only %t: %v", name, v.Source, v.ReadOnly, err)
			}
			mounted[v.Target] = string(text)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s is open to everybody on port %s", name, port.Published)
			}
		}
	}
	for file, parts := range map[string][]string{
		"/etc/prometheus/prometheus.yml":                                                          {`targets: ["feast:6566", "api:8000"]`, "- alerts.yml"},
		"/etc/prometheus/alerts.yml":                                                              {"alert: AsofDown", `job="asof"`},
		"/etc/grafana/provisioning/datasources/asof.yml":                                          {"uid: prometheus", "url: http://prometheus:9090"},
		"/etc/grafana/provisioning/dashboards/asof.yml":                                           {"path: /etc/grafana/dashboards"},
		*composeService(t, p, "grafana").Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]: {`"uid": "prometheus"`},
	} {
		for _, part := range parts {
			if !strings.Contains(mounted[file], part) {
				t.Errorf("%s lacks %s", file, part)
			}
		}
	}
}
