package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/cli"
	"github.com/asof-dev/asof/redis"
)

// redisSettings are the keys of a Redis section in feature_store.yaml, named as
// in Feast.
type redisSettings struct {
	Connection string `yaml:"connection_string"`
	Kind       string `yaml:"redis_type"`
	Master     string `yaml:"sentinel_master"`
	KeyTTL     int    `yaml:"key_ttl_seconds"`
	FullScan   *bool  `yaml:"full_scan_for_deletion"` // true where it is left out

	// Settings of Feast's that nothing here needs: a newer row is kept in the
	// same command that writes, and there is one client.
	SkipDedup bool   `yaml:"skip_dedup"`
	Client    string `yaml:"client"`
}

func redisOnline(_ context.Context, s cli.Setup) (asof.OnlineStore, error) {
	var c redisSettings
	if err := s.Decode(&c); err != nil {
		return nil, err
	}
	if c.KeyTTL < 0 {
		return nil, asof.Errorf(asof.CodeInvalid, "%s: key_ttl_seconds is %d; leave it out for keys that stay", s.Config.Path, c.KeyTTL)
	}
	store, ignored, err := redis.OpenOnline(redis.Config{Connection: c.Connection, Dir: s.Config.Dir, Kind: redis.Kind(c.Kind), Master: c.Master,
		KeyVersion: s.Config.KeyVersion, KeyTTL: time.Duration(c.KeyTTL) * time.Second, KeepsRemoved: c.FullScan != nil && !*c.FullScan})
	if err != nil {
		return nil, asof.Errorf(asof.ErrorCode(err), "%s: %s: %w", s.Config.Path, s.Section.Name, err)
	}
	if len(ignored) > 0 {
		s.Warn(asof.Problems{{Message: fmt.Sprintf("%s: %s: connection_string: no effect here: %s", s.Config.Path, s.Section.Name, strings.Join(ignored, ", "))}})
	}
	return store, nil
}
