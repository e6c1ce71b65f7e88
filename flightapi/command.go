package flightapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// The questions and orders of Feast's offline server, in its words.
const (
	apiHistorical = "get_historical_features"
	apiPullLatest = "pull_latest_from_table_or_query"
	apiPullAll    = "pull_all_from_table_or_query"
	apiColumns    = "get_table_column_names_and_types_from_data_source"

	apiWriteBatch = "offline_write_batch"
	apiWriteLogs  = "write_logged_features"
	apiPersist    = "persist"
	apiValidate   = "validate_data_source"
)

// parameters are those without which a call has no meaning.
var parameters = map[string][]string{
	apiHistorical: {"feature_view_names", "name_aliases", "feature_refs", "project", "full_feature_names"},
	apiPullLatest: {"data_source_name", "join_key_columns", "feature_name_columns", "timestamp_field", "start_date", "end_date"},
	apiPullAll:    {"data_source_name", "join_key_columns", "feature_name_columns", "timestamp_field", "start_date", "end_date"},
	apiColumns:    {"data_source_proto"},
	apiWriteBatch: {"feature_view_names", "name_aliases"},
	apiWriteLogs:  {"feature_service_name"},
	apiPersist:    {"data_source_name", "allow_overwrite", "retrieve_func"},
	apiValidate:   {"data_source_proto"},
}

// command is what a call asks for: the JSON of its descriptor.
type command struct {
	text []byte // as it came

	API        string    `json:"api"`
	Views      []string  `json:"feature_view_names"`
	Aliases    []*string `json:"name_aliases"` // by view
	References []string  `json:"feature_refs"`
	Project    string    `json:"project"`
	FullNames  bool      `json:"full_feature_names"`
	SQL        string    `json:"entity_df_sql"`
	Start      *instant  `json:"start_date"`
	End        *instant  `json:"end_date"`

	Source    string   `json:"data_source_name"`
	Keys      []string `json:"join_key_columns"`
	Features  []string `json:"feature_name_columns"`
	Timestamp string   `json:"timestamp_field"`
	Created   string   `json:"created_timestamp_column"` // null: ""

	Message string `json:"data_source_proto"` // a message DataSource, as JSON
	Service string `json:"feature_service_name"`

	Retrieve  string   `json:"retrieve_func"`
	Overwrite bool     `json:"allow_overwrite"`
	Timeout   *float64 `json:"timeout"` // seconds
}

// instant is a time as Python's isoformat writes it.
type instant time.Time

// UnmarshalText reads the time.
func (i *instant) UnmarshalText(text []byte) error {
	t, ok := asof.ParseTime(string(text))
	if !ok {
		return fmt.Errorf("%q is not a time", text)
	}
	*i = instant(t)
	return nil
}

// parse reads a command, and sees that it is whole.
func parse(text []byte) (*command, error) {
	c := &command{text: text}
	var given map[string]json.RawMessage
	err := json.Unmarshal(text, &given)
	if err == nil {
		err = json.Unmarshal(text, c)
	}
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "the command of the call cannot be read: %w", err)
	}
	if c.API == "" {
		return c, asof.Errorf(asof.CodeInvalid, "the command names no api")
	}
	return c, c.whole(given)
}

func (c *command) whole(given map[string]json.RawMessage) error {
	needed, ok := parameters[c.API]
	if !ok {
		return asof.Errorf(asof.CodeInvalid, "there is no api %q%s", c.API, asof.DidYouMean(c.API, apis()))
	}
	if c.API == apiPersist {
		// The client writes the source of the rows that it pulls over the one that
		// they are to be stored in.
		if c.Retrieve != apiHistorical {
			return asof.Errorf(asof.CodeInvalid, "persist stores what %s answers, and not %q, for which the call does not say where to; read the rows and write them yourself", apiHistorical, c.Retrieve)
		}
		needed = append(slices.Clone(needed), parameters[apiHistorical]...)
	}
	var missing []string
	for _, name := range needed {
		if _, ok := given[name]; !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return asof.Errorf(asof.CodeInvalid, "%s needs the parameter %s", c.API, strings.Join(missing, ", "))
	}
	if len(c.Aliases) != len(c.Views) {
		return asof.Errorf(asof.CodeInvalid, "%s has %d feature_view_names and %d name_aliases; there has to be one for each", c.API, len(c.Views), len(c.Aliases))
	}
	return nil
}

// reads reports whether the call is a question.
func (c *command) reads() bool {
	return slices.Contains([]string{apiHistorical, apiPullLatest, apiPullAll, apiColumns}, c.API)
}

func apis() []string {
	var names []string
	for name := range parameters {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
