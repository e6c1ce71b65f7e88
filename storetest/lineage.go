package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// HoldLineage holds an event of a run against what OpenLineage's schemas say of
// it (spec 2-0-2, facets in the versions below): which members there are, which
// have to be there, and their forms. It returns the event.
func HoldLineage(tb testing.TB, text []byte) map[string]any {
	tb.Helper()
	var event map[string]any
	if err := json.Unmarshal(text, &event); err != nil {
		tb.Fatalf("%v in %s", err, text)
	}
	for _, mistake := range lineageEvent.hold("event", event) {
		tb.Errorf("no event of OpenLineage: %s\n%s", mistake, text)
	}
	return event
}

// lineageShape is what a schema says of an object, by member; one that ends in !
// has to be there. A member is a lineageForm, a lineageShape, or a list of
// these, of one entry.
type lineageShape map[string]any

// lineageForm returns what is wrong with a value.
type lineageForm func(v any) error

func (s lineageShape) hold(where string, v any) (mistakes []string) {
	object, ok := v.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s is %v and no object", where, v)}
	}
	for name := range object {
		if s[name] == nil && s[name+"!"] == nil {
			mistakes = append(mistakes, where+" has "+name+", which its schema has not")
		}
	}
	for member, of := range s {
		name, needed := strings.CutSuffix(member, "!")
		if v, there := object[name]; there {
			mistakes = append(mistakes, holdValue(where+"."+name, v, of)...)
		} else if needed {
			mistakes = append(mistakes, where+" lacks "+name)
		}
	}
	return mistakes
}

func holdValue(where string, v, of any) (mistakes []string) {
	switch of := of.(type) {
	case lineageShape:
		return of.hold(where, v)
	case []any:
		list, ok := v.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %v and no list", where, v)}
		}
		for i, entry := range list {
			mistakes = append(mistakes, holdValue(fmt.Sprintf("%s[%d]", where, i), entry, of[0])...)
		}
		return mistakes
	}
	if err := of.(lineageForm)(v); err != nil {
		return []string{fmt.Sprintf("%s is %v: %v", where, v, err)}
	}
	return nil
}

// oneOf is the form of a text that is one of these; without any, of every text
// that is not empty.
func oneOf(texts ...string) lineageForm {
	return func(v any) error {
		if text, _ := v.(string); text == "" || len(texts) > 0 && !slices.Contains(texts, text) {
			return errors.New("no such text")
		}
		return nil
	}
}

// written is the form of a text that a parser takes.
func written[T any](parse func(string) (T, error)) lineageForm {
	return func(v any) error {
		text, _ := v.(string)
		_, err := parse(text)
		return err
	}
}

var (
	lineageText   = oneOf()
	lineageString = lineageForm(func(v any) error {
		if _, ok := v.(string); !ok {
			return errors.New("no text")
		}
		return nil
	})
	lineageTime  = written(func(s string) (time.Time, error) { return time.Parse(time.RFC3339, s) })
	lineageUUID  = written(uuid.Parse)
	lineageTruth = lineageForm(func(v any) error {
		if _, ok := v.(bool); !ok {
			return errors.New("no boolean")
		}
		return nil
	})
	lineageCount = lineageForm(func(v any) error {
		if n, ok := v.(float64); !ok || n < 0 || n != float64(int64(n)) {
			return errors.New("no count")
		}
		return nil
	})
	lineageURI = written(func(s string) (*url.URL, error) {
		u, err := url.Parse(s)
		if err == nil && (u.Scheme == "" || u.Host == "") {
			err = errors.New("no URI")
		}
		return u, err
	})
)

// lineageFacet is a facet's shape: what each has, and its own members.
func lineageFacet(version, name string, members lineageShape) lineageShape {
	members["_producer!"] = lineageURI
	members["_schemaURL!"] = oneOf("https://openlineage.io/spec/facets/" + version + "/" + name + ".json#/$defs/" + name)
	return members
}

var (
	lineageDatasetFacets = lineageShape{
		"schema": lineageFacet("1-2-0", "SchemaDatasetFacet", lineageShape{
			"fields": []any{lineageShape{"name!": lineageText, "type": lineageText, "ordinal_position": lineageCount}}}),
	}
	lineageEvent = lineageShape{
		"eventType!": oneOf("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"), "eventTime!": lineageTime, "producer!": lineageURI,
		"schemaURL!": oneOf("https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"),
		"run!": lineageShape{"runId!": lineageUUID, "facets": lineageShape{
			"processing_engine":   lineageFacet("1-1-1", "ProcessingEngineRunFacet", lineageShape{"version!": lineageText, "name": lineageText}),
			"executionParameters": lineageFacet("1-0-0", "ExecutionParametersRunFacet", lineageShape{"parameters": []any{lineageShape{"key!": lineageText, "value": lineageString}}}),
			"nominalTime":         lineageFacet("1-0-1", "NominalTimeRunFacet", lineageShape{"nominalStartTime!": lineageTime}),
			"errorMessage":        lineageFacet("1-0-1", "ErrorMessageRunFacet", lineageShape{"message!": lineageText, "programmingLanguage!": lineageText}),
		}},
		"job!": lineageShape{"namespace!": lineageText, "name!": lineageText, "facets": lineageShape{
			"jobType":       lineageFacet("2-0-4", "JobTypeJobFacet", lineageShape{"processingType!": oneOf("BATCH"), "integration!": lineageText, "jobType": lineageText}),
			"documentation": lineageFacet("1-1-0", "DocumentationJobFacet", lineageShape{"description!": lineageText}),
		}},
		"inputs": []any{lineageShape{"namespace!": lineageText, "name!": lineageText, "facets": lineageDatasetFacets, "inputFacets": lineageShape{
			"inputStatistics": lineageFacet("1-0-0", "InputStatisticsInputDatasetFacet", lineageShape{"rowCount": lineageCount, "size": lineageCount}),
			"dataQualityAssertions": lineageFacet("1-1-0", "DataQualityAssertionsDatasetFacet", lineageShape{"assertions!": []any{lineageShape{
				"assertion!": lineageText, "success!": lineageTruth, "column": lineageText, "severity": oneOf("error", "warn"), "description": lineageText}}}),
		}}},
		"outputs": []any{lineageShape{"namespace!": lineageText, "name!": lineageText, "facets": lineageDatasetFacets, "outputFacets": lineageShape{
			"outputStatistics": lineageFacet("1-0-2", "OutputStatisticsOutputDatasetFacet", lineageShape{"rowCount": lineageCount, "size": lineageCount}),
		}}},
	}
)
