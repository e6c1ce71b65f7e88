package cli

import (
	"context"
	"encoding/base64"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/definition"
)

// globals are the flags that come before the command, as in Feast. They are
// read before cobra sees the rest: -f and -h mean other things behind it.
type globals struct {
	dir      string // the repository
	yaml     string // feature_store.yaml, as given; "" for the repository's own
	logLevel string
}

// parse takes the global flags off args and returns the rest.
func (g *globals) parse(args []string) ([]string, error) {
	g.dir = os.Getenv("FEATURE_REPO_DIR_ENV_VAR")
	g.yaml = os.Getenv("FEAST_FS_YAML_FILE_PATH")
	g.logLevel = "warning"
	for len(args) > 0 {
		into, value, glued := g.flag(args[0])
		switch {
		case into == nil:
			return args, nil
		case glued:
			args = args[1:]
		case len(args) == 1:
			return nil, usagef("", "%s needs a value", args[0])
		default:
			value = args[1]
			args = args[2:]
		}
		*into = value
	}
	return args, nil
}

// flag returns where the value of a global flag goes, and the value where it
// is part of the word: -cDIR, --chdir=DIR.
func (g *globals) flag(word string) (into *string, value string, glued bool) {
	name, value, glued := strings.Cut(word, "=")
	switch name {
	case "--chdir":
		return &g.dir, value, glued
	case "--feature-store-yaml":
		return &g.yaml, value, glued
	case "--log-level":
		return &g.logLevel, value, glued
	}
	switch {
	case strings.HasPrefix(word, "--") || len(word) < 2:
		return nil, "", false
	case strings.HasPrefix(word, "-c"):
		return &g.dir, word[2:], len(word) > 2
	case strings.HasPrefix(word, "-f"):
		return &g.yaml, word[2:], len(word) > 2
	}
	return nil, "", false
}

var logLevels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warning": slog.LevelWarn,
	"warn": slog.LevelWarn, "error": slog.LevelError, "critical": slog.LevelError}

// act sets the log level and the owner by whom files are written.
func (g *globals) act() error {
	level, ok := logLevels[strings.ToLower(g.logLevel)]
	if !ok {
		return usagef("", "unknown log level %q%s", g.logLevel, asof.DidYouMean(g.logLevel, []string{"debug", "info", "warning", "error"}))
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})))
	if g.dir == "" {
		g.dir = "."
	}
	return becomeOwner(g.dir)
}

// configPath returns the path of feature_store.yaml.
func (g *globals) configPath() string {
	switch {
	case g.yaml == "":
		return filepath.Join(g.dir, "feature_store.yaml")
	case filepath.IsAbs(g.yaml):
		return g.yaml
	}
	// Feast takes the path from where it was called; a name that is only found
	// in the repository is meant to be that one.
	if _, err := os.Stat(g.yaml); err != nil {
		if inside := filepath.Join(g.dir, g.yaml); fileExists(inside) {
			return inside
		}
	}
	return g.yaml
}

// encodedConfig is the variable by which Feast's containers are given their
// feature_store.yaml, in base64.
const encodedConfig = "FEATURE_STORE_YAML_BASE64"

// config reads the repository's configuration.
func (g *globals) config() (*definition.Config, error) {
	encoded := os.Getenv(encodedConfig)
	if encoded == "" {
		return definition.LoadConfig(g.dir, g.configPath())
	}
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "%s is not base64: encode the whole feature_store.yaml, or unset it to use %s", encodedConfig, g.configPath())
	}
	return definition.ParseConfig(g.dir, "$"+encodedConfig, text)
}

func fileExists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// interruptible returns a context that ends at Ctrl-C or a polite kill; a
// second one ends the process.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
