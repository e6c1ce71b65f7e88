package feastconv

import (
	"encoding/json"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
)

// SavedDataset is what a registry says of a dataset that Feast saved.
type SavedDataset struct {
	Name      string
	Features  []string // references, view:feature
	Service   string   // the feature service that was asked for, "" for none
	FullNames bool
	JoinKeys  []string
	Storage   string // where the rows are: a file, or a table of the offline store
	IsFile    bool
	Created   time.Time
	Oldest    time.Time // of the rows' event times; zero where Feast did not note them
	Newest    time.Time
}

// SavedDatasetOf reads the message of a saved dataset.
func SavedDatasetOf(o *asof.Opaque) (SavedDataset, error) {
	var m core.SavedDataset
	if err := stored(o.Meta, &m); err != nil {
		return SavedDataset{}, asof.Errorf(asof.CodeInvalid, "saved dataset %q: %w", o.Name, err)
	}
	spec, meta := orNew(m.Spec), orNew(m.Meta)
	d := SavedDataset{Name: o.Name, Features: spec.Features, Service: spec.FeatureServiceName, FullNames: spec.FullFeatureNames,
		JoinKeys: spec.JoinKeys, Created: o.Meta.Created, Oldest: timeOf(meta.MinEventTimestamp), Newest: timeOf(meta.MaxEventTimestamp)}
	d.Storage, d.IsFile = placeOf(spec.Storage)
	return d, nil
}

// placeOf returns where a storage is. Stores of other people's describe theirs
// in JSON, in which a table, if there is one, has that name.
func placeOf(s *core.SavedDatasetStorage) (place string, isFile bool) {
	switch k := s.GetKind().(type) {
	case *core.SavedDatasetStorage_FileStorage:
		return k.FileStorage.GetUri(), true
	case *core.SavedDatasetStorage_BigqueryStorage:
		return k.BigqueryStorage.GetTable(), false
	case *core.SavedDatasetStorage_RedshiftStorage:
		return k.RedshiftStorage.GetTable(), false
	case *core.SavedDatasetStorage_SnowflakeStorage:
		return k.SnowflakeStorage.GetTable(), false
	case *core.SavedDatasetStorage_TrinoStorage:
		return k.TrinoStorage.GetTable(), false
	case *core.SavedDatasetStorage_AthenaStorage:
		return k.AthenaStorage.GetTable(), false
	case *core.SavedDatasetStorage_SparkStorage:
		if path := k.SparkStorage.GetPath(); path != "" {
			return path, true
		}
		return k.SparkStorage.GetTable(), false
	case *core.SavedDatasetStorage_CustomStorage:
		var custom struct {
			Table string `json:"table"`
		}
		_ = json.Unmarshal(k.CustomStorage.GetConfiguration(), &custom) // may be of any form
		return custom.Table, false
	}
	return "", false
}
