package registryapi

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	pb "github.com/asof-dev/asof/feastpb/registry"
)

// datasetOf reads what is asked of a dataset. Entity rows are a file's, or
// stand in the request as text.
func datasetOf(r *pb.CreateDatasetFromRetrievalRequest) (Dataset, error) {
	d := Dataset{Project: strings.TrimSpace(r.GetProject()), Name: strings.TrimSpace(r.GetName()), Service: r.GetFeatureServiceName(),
		Features: r.GetFeatures(), Storage: r.GetStorageType(), Location: strings.TrimSpace(r.GetStoragePath()), Overwrite: r.GetAllowOverwrite()}
	switch {
	case d.Project == "" || d.Name == "":
		return d, invalid("a dataset needs a project and a name")
	case d.Service == "" && len(d.Features) == 0:
		return d, invalid("dataset %s needs features, or the name of a feature service", d.Name)
	case d.Location == "":
		return d, invalid("dataset %s needs a storage_path: the file or table to store it in", d.Name)
	}
	constants := constantsOf(r.GetExtraColumns())
	if r.GetEntitySourceType() != "inline" {
		if len(constants) > 0 {
			return d, invalid("extra_columns go with inline entity rows: put the columns into the file")
		}
		if d.Path = r.GetEntitySourcePath(); d.Path == "" {
			return d, invalid("dataset %s needs entity rows: an entity_source_path, or entity_source_type \"inline\" with entity_values", d.Name)
		}
		return d, nil
	}
	rows, err := inlineRows(r)
	if err != nil {
		return d, err
	}
	for _, row := range rows {
		maps.Copy(row, constants)
	}
	text, err := json.Marshal(rows)
	d.Rows = string(text)
	return d, err
}

// inlineRows reads entity rows from text: the values of one key, apart by
// commas or lines, or lines with a value for each key. Their times are spread
// evenly from start_date to end_date, or all end_date, or now.
func inlineRows(r *pb.CreateDatasetFromRetrievalRequest) ([]map[string]any, error) {
	keys, text := r.GetEntityKeys(), strings.TrimSpace(r.GetEntityValues())
	if len(keys) == 0 {
		return nil, invalid("entity_values need entity_keys: the names of the columns")
	}
	if len(keys) == 1 {
		text = strings.ReplaceAll(text, ",", "\n")
	}
	var rows []map[string]any
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		values := strings.Split(line, ",")
		if len(values) != len(keys) {
			return nil, invalid("entity_values: %q has %d values for %d keys", line, len(values), len(keys))
		}
		row := map[string]any{}
		for i, key := range keys {
			row[key] = coerced(strings.TrimSpace(values[i]))
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, invalid("entity_values holds no row")
	}
	return rows, stampRows(rows, r.GetStartDate(), r.GetEndDate())
}

func stampRows(rows []map[string]any, start, end string) error {
	from, to := time.Now().UTC(), time.Now().UTC()
	if end != "" {
		var ok bool
		if to, ok = asof.ParseTime(end); !ok {
			return invalid("end_date %q is no time; write 2024-01-31 or 2024-01-31T12:00:00Z", end)
		}
		from = to
		if start != "" && len(rows) > 1 {
			if from, ok = asof.ParseTime(start); !ok {
				return invalid("start_date %q is no time; write 2024-01-31 or 2024-01-31T12:00:00Z", start)
			}
		}
	}
	for i, row := range rows {
		at := to
		if i < len(rows)-1 {
			at = from.Add(time.Duration(float64(to.Sub(from)) * float64(i) / float64(len(rows)-1)))
		}
		row[asof.EventTimestamp] = at.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
	}
	return nil
}

// constantsOf reads lines of column=value.
func constantsOf(text string) map[string]any {
	constants := map[string]any{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); ok && name != "" {
			constants[name] = coerced(strings.TrimSpace(value))
		}
	}
	return constants
}

// coerced takes a text for the number that it is.
func coerced(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && f-f == 0 {
		return f
	}
	return text
}
