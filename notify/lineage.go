package notify

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/asof-dev/asof"
)

// About is what OpenLineage is told of a run beside the run itself.
type About struct {
	Description     string    // of the pipeline
	AsOf            time.Time // the day that the run is of; zero for none
	Inputs, Outputs []Dataset
}

// Dataset is what a run read or wrote, named as OpenLineage's naming rules say.
type Dataset struct {
	Namespace string // "file", "postgres://host:5432"
	Name      string // a path, "database.schema.table"
	Columns   []asof.TableColumn
	Rows      int64 // read or written; less than 0: unknown
	Bytes     int64 // likewise
	Checks    []Check
}

// Check is what became of a rule about a dataset.
type Check struct {
	Rule    string // not_null, min, …
	Column  string // "" for all of it
	Holds   bool
	Warn    bool   // a failure did not stop the run
	Message string // of a failure
}

// eventTypes are the states of which OpenLineage is told. A run that is given
// back is not over, but what its worker began is.
var eventTypes = map[asof.RunState]string{
	asof.RunRunning:   "START",
	asof.RunCompleted: "COMPLETE",
	asof.RunFailed:    "FAIL",
	asof.RunCrashed:   "FAIL",
	asof.RunCancelled: "ABORT",
	asof.RunPending:   "ABORT",
}

// producer says who made an event, by a URI.
const producer = "https://github.com/asof-dev/asof"

// Where OpenLineage's schemas are. The number is that of the facet's schema.
const (
	eventSchema = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
	facetSchema = "https://openlineage.io/spec/facets/"
)

// facet returns a facet: its values, who made it, and what its schema is.
func facet(version, name string, values map[string]any) map[string]any {
	values["_producer"] = producer
	values["_schemaURL"] = facetSchema + version + "/" + name + ".json#/$defs/" + name
	return values
}

type runEvent struct {
	EventType string         `json:"eventType"`
	EventTime time.Time      `json:"eventTime"`
	Producer  string         `json:"producer"`
	SchemaURL string         `json:"schemaURL"`
	Run       lineageRun     `json:"run"`
	Job       lineageJob     `json:"job"`
	Inputs    []inputDataset `json:"inputs"`
	Outputs   []outDataset   `json:"outputs"`
}

type lineageRun struct {
	RunID  string         `json:"runId"`
	Facets map[string]any `json:"facets"`
}

type lineageJob struct {
	Namespace string         `json:"namespace"`
	Name      string         `json:"name"`
	Facets    map[string]any `json:"facets"`
}

type dataset struct {
	Namespace string         `json:"namespace"`
	Name      string         `json:"name"`
	Facets    map[string]any `json:"facets"`
}

type inputDataset struct {
	dataset
	InputFacets map[string]any `json:"inputFacets"`
}

type outDataset struct {
	dataset
	OutputFacets map[string]any `json:"outputFacets"`
}

// LineageRun returns OpenLineage's ID of a run: a UUID that follows from the
// run. A run that was taken over or resumed begins anew, and is another there.
func LineageRun(run string, epoch int64) uuid.UUID {
	text, _ := json.Marshal([]any{run, epoch})
	return uuid.NewSHA1(uuid.NameSpaceURL, append([]byte(producer+"/run/"), text...))
}

// lineage returns the event in OpenLineage's form.
func (e Event) lineage() ([]byte, error) {
	event := runEvent{EventType: eventTypes[e.State], EventTime: e.At.UTC(), Producer: producer, SchemaURL: eventSchema,
		Run:    lineageRun{LineageRun(e.Run.ID, e.Epoch).String(), e.runFacets()},
		Job:    lineageJob{e.Namespace, e.Run.Pipeline, e.jobFacets()},
		Inputs: []inputDataset{}, Outputs: []outDataset{}}
	for _, d := range e.About.Inputs {
		event.Inputs = append(event.Inputs, inputDataset{d.lineage(), d.inputFacets()})
	}
	for _, d := range e.About.Outputs {
		event.Outputs = append(event.Outputs, outDataset{d.lineage(), d.outputFacets()})
	}
	return json.Marshal(event)
}

func (e Event) runFacets() map[string]any {
	facets := map[string]any{"processing_engine": facet("1-1-1", "ProcessingEngineRunFacet", map[string]any{"name": "asof", "version": e.Version})}
	params := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(e.Run.Params)) {
		params = append(params, map[string]any{"key": name, "value": e.Run.Params[name]})
	}
	facets["executionParameters"] = facet("1-0-0", "ExecutionParametersRunFacet", map[string]any{"parameters": params})
	if !e.About.AsOf.IsZero() {
		facets["nominalTime"] = facet("1-0-1", "NominalTimeRunFacet", map[string]any{"nominalStartTime": e.About.AsOf.UTC()})
	}
	if why := e.why(); why != "" {
		facets["errorMessage"] = facet("1-0-1", "ErrorMessageRunFacet", map[string]any{"message": why, "programmingLanguage": "Go"})
	}
	return facets
}

func (e Event) jobFacets() map[string]any {
	facets := map[string]any{"jobType": facet("2-0-4", "JobTypeJobFacet", map[string]any{"processingType": "BATCH", "integration": "ASOF", "jobType": "PIPELINE"})}
	if e.About.Description != "" {
		facets["documentation"] = facet("1-1-0", "DocumentationJobFacet", map[string]any{"description": e.About.Description})
	}
	return facets
}

func (d Dataset) lineage() dataset {
	facets := map[string]any{}
	if d.Columns != nil {
		fields := []map[string]any{}
		for i, c := range d.Columns {
			fields = append(fields, map[string]any{"name": c.Name, "type": c.Type, "ordinal_position": i + 1})
		}
		facets["schema"] = facet("1-2-0", "SchemaDatasetFacet", map[string]any{"fields": fields})
	}
	return dataset{d.Namespace, d.Name, facets}
}

func (d Dataset) inputFacets() map[string]any {
	facets := map[string]any{}
	if counts := d.counts(); len(counts) > 0 {
		facets["inputStatistics"] = facet("1-0-0", "InputStatisticsInputDatasetFacet", counts)
	}
	if len(d.Checks) > 0 {
		facets["dataQualityAssertions"] = facet("1-1-0", "DataQualityAssertionsDatasetFacet", map[string]any{"assertions": d.assertions()})
	}
	return facets
}

func (d Dataset) outputFacets() map[string]any {
	facets := map[string]any{}
	if counts := d.counts(); len(counts) > 0 {
		facets["outputStatistics"] = facet("1-0-2", "OutputStatisticsOutputDatasetFacet", counts)
	}
	return facets
}

func (d Dataset) counts() map[string]any {
	counts := map[string]any{}
	if d.Rows >= 0 {
		counts["rowCount"] = d.Rows
	}
	if d.Bytes >= 0 {
		counts["size"] = d.Bytes
	}
	return counts
}

func (d Dataset) assertions() []map[string]any {
	var list []map[string]any
	for _, c := range d.Checks {
		one := map[string]any{"assertion": c.Rule, "success": c.Holds, "severity": "error"}
		if c.Warn {
			one["severity"] = "warn"
		}
		if c.Column != "" {
			one["column"] = c.Column
		}
		if c.Message != "" {
			one["description"] = c.Message
		}
		list = append(list, one)
	}
	return list
}
