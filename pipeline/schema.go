package pipeline

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/asof-dev/asof/check"
)

//go:generate sh -c "go run ../cmd/asof pipeline schema > ../docs/pipeline.schema.json"

// SchemaURL is where the JSON schema of pipeline files is published.
const SchemaURL = "https://raw.githubusercontent.com/asof-dev/asof/main/docs/pipeline.schema.json"

// Schema returns the JSON schema of pipeline files, by which editors complete
// and check them. It is made of what the reader knows: the keys of each mapping
// and what their values look like.
func Schema() ([]byte, error) {
	root := objectOf(pipelineKeys)
	definitions := shape{"step": shape{"anyOf": stepShapes()}, "rule": ruleShape()}
	for _, k := range stepKinds {
		step := objectOf(append(slices.Clone(k.keys), stepKeys...))
		step["description"] = k.about
		definitions[k.name+"_step"] = step
	}
	root["$schema"], root["$id"], root["title"] = "http://json-schema.org/draft-07/schema#", SchemaURL, "A pipeline of Asof"
	root["definitions"] = definitions
	text, err := json.MarshalIndent(root, "", "  ")
	return append(text, '\n'), err
}

// shape is what a value looks like, as a JSON schema says it.
type shape map[string]any

var (
	aText       = shape{"type": []string{"string", "number", "boolean"}}
	aTextOrList = anyOf(aText, listOf(aText))
	aBoolean    = shape{"type": "boolean"}
	aWhole      = shape{"type": "integer", "minimum": 0}
	aTable      = shape{"type": "string", "pattern": tableName.String()}
	aStep       = shape{"$ref": "#/definitions/step"}
	aRule       = shape{"$ref": "#/definitions/rule"}
	// aColumnType completes the types that most files say, and takes all.
	aColumnType = anyOf(oneOf("text", "bigint", "integer", "boolean", "date", "timestamptz", "double precision", "real", "numeric"),
		shape{"type": "string"})
)

func oneOf[T ~string](values ...T) shape { return shape{"enum": values} }

func anyOf(shapes ...shape) shape { return shape{"anyOf": shapes} }

func listOf(item shape) shape { return shape{"type": "array", "items": item} }

// mapOf is a mapping of names that the file chooses.
func mapOf(value shape) shape { return shape{"type": "object", "additionalProperties": value} }

func objectOf(ks keys) shape {
	properties, required := shape{}, []string{}
	for _, k := range ks {
		value := maps.Clone(k.shape)
		value["description"] = k.about
		properties[k.name] = value
		if k.required {
			required = append(required, k.name)
		}
	}
	s := shape{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func stepShapes() []shape {
	shapes := make([]shape, len(stepKinds))
	for i, k := range stepKinds {
		shapes[i] = shape{"$ref": "#/definitions/" + k.name + "_step"}
	}
	return shapes
}

// ruleShape is one of our rules, or one under another tool's name.
func ruleShape() shape {
	properties := shape{}
	for _, k := range ruleKeys {
		properties[k] = aTextOrList
	}
	properties["severity"], properties["strictly"] = oneOf("error", "warn"), aBoolean
	bounds := func(names ...string) shape {
		values := shape{}
		for _, n := range names {
			values[n] = aText
		}
		return shape{"type": "object", "properties": values, "additionalProperties": false}
	}
	for _, f := range check.Forms {
		value := aTextOrList
		switch {
		case f.Kind == check.Quantile:
			value = bounds("min", "max", "at")
		case f.Form == check.Bounds || f.Form == check.TableBound:
			value = bounds("min", "max")
		case f.Form == check.Shape:
			value = anyOf(aTextOrList, mapOf(aColumnType))
		}
		properties[string(f.Kind)] = value
	}
	for _, name := range slices.Sorted(maps.Keys(aliases)) {
		theirs := mapOf(aTextOrList)
		if own, ok := properties[name]; ok {
			theirs = anyOf(own.(shape), theirs)
		}
		properties[name] = theirs
	}
	return shape{"type": "object", "properties": properties, "patternProperties": shape{packages.String(): mapOf(aTextOrList)},
		"additionalProperties": false}
}
