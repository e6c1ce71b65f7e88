package pipeline

import (
	"github.com/goccy/go-yaml/ast"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/schedule"
	"github.com/asof-dev/asof/tablefile"
)

// key is a key that a mapping of the file may have: the reader knows it by its
// name, the JSON schema tells the rest to editors.
type key struct {
	name     string
	about    string // a sentence
	shape    shape  // of the value
	required bool
}

// keys are those of one kind of mapping.
type keys []key

func (ks keys) names() []string {
	names := make([]string, len(ks))
	for i, k := range ks {
		names[i] = k.name
	}
	return names
}

// stepKind is something that a step can do. The key of its name is the first of
// its keys.
type stepKind struct {
	name  string
	about string
	keys  keys
	read  func(f *fileReader, n ast.Node, values map[string]ast.Node) *Step // nil where nothing can be made of it
	place stepPlace
}

// stepPlace is where in a run a step of a kind may stand.
type stepPlace int

const (
	stages   stepPlace = iota // before publishing
	anywhere                  // before or behind it, and in on_failure
	shows                     // behind publishing
)

var pipelineKeys = keys{
	{"name", "What commands call the pipeline: its file is pipelines/NAME.yaml.", aText, true},
	{"description", "What it does, for lists.", aText, false},
	{"timezone", "The zone of words such as today, as Europe/Berlin; UTC where none is given.", aText, false},
	{"concurrency", "How much of it goes on at once. Two runs that write the same table always wait for one another.", objectOf(concurrencyKeys), false},
	{"params", "What a run is given: {{name}} stands for the value in texts. as_of, a date, is the day that the files are of.", mapOf(objectOf(paramKeys)), true},
	{"steps", "What a run does, in this order.", listOf(aStep), true},
	{"on_failure", "What is done when a run has failed: command, http and notify steps. {{error}} says why.", listOf(aStep), false},
	{"schedule", "When a server runs it: one schedule, or a list. Times are of the zone `timezone`.", anyOf(objectOf(scheduleKeys), listOf(objectOf(scheduleKeys))), false},
}

// scheduleKeys has one of cron, every and folder.
var scheduleKeys = keys{
	{"cron", "Minute, hour, day of month, month, day of week, as in 30 6 5 * *; L is the last day of a month; or @monthly, @weekly, @daily, @hourly.", aText, false},
	{"every", "An interval since 1970, as in 15m or 6h.", aText, false},
	{"folder", "Folders that are each a run when they are complete, as in data/{month}: {month} is a parameter, and takes that part of the path.", aText, false},
	{"files", "What a folder is complete with; the files that steps load from it, where it is not said. They may hold *, ? and [a-z].", aTextOrList, false},
	{"marker", "A file of a folder that says that it is complete.", aText, false},
	{"settle", "For how long a complete folder without a marker must not change; 1m where it is not said.", aText, false},
	{"catch_up", "What becomes of times at which no server ran: none, the last (where it is not said), or all. Of a folder: which of those that are there at first are run; all where it is not said.",
		oneOf(schedule.CatchUps...), false},
	{"params", "The values of parameters, instead of their defaults.", mapOf(aText), false},
}

var concurrencyKeys = keys{
	{"runs", "How many runs of the pipeline; 1 where it is not said.", aWhole, false},
	{"steps", "How many steps of a run; 4 where it is not said.", aWhole, false},
}

// stepKeys are what every step may have beside the keys of its kind.
var stepKeys = keys{
	{"name", "What reports and `needs` call it.", aText, false},
	{"needs", "The steps, by their names, that it waits for instead of all before it. What it reads is waited for in any case.", aTextOrList, false},
	{"when", "A condition about parameters: full and size in ['small', 'large'], as_of.month == 12. Where it does not hold, the step is left out, and what needs it.", aText, false},
	{"retries", "How often it is tried again where it fails.", anyOf(aWhole, objectOf(retryKeys)), false},
	{"timeout", "How long an attempt may take, as 90s, 10m, 2h.", aText, false},
}

var retryKeys = keys{
	{"times", "How often.", aWhole, true},
	{"wait", "How long before the first, doubled for each further one; 1s where it is not said.", aText, false},
	{"most", "The longest wait; 5m where it is not said.", aText, false},
	{"jitter", "The share of a wait, from 0 to 1, that chance adds or takes away; 0.2 where it is not said.", aText, false},
}

var paramKeys = keys{
	{"type", "What values look like; string where it is not said.", oneOf(paramTypes...), false},
	{"values", "What an enum can be.", listOf(aText), false},
	{"default", "The value where none is given. Of a date it may be words: last day of last month, today - 7 days.", aText, false},
	{"required", "A parameter without a default has to be given.", aBoolean, false},
	{"description", "What it says, for lists.", aText, false},
}

// stepKinds are what a step can do.
var stepKinds = []stepKind{
	{"load", "Reads files into a table: CSV, Parquet or JSON lines.", keys{
		{"load", "The table that the rows are written into.", aTable, true},
		{"file", "The file, a pattern such as month_*.csv, or a folder, from the repository's folder on. Files that end with .gz or .zst are unpacked.", aText, true},
		{"format", "What the files are; what their names end with where it is not said.", oneOf(tablefile.Formats...), false},
		{"csv", "How CSV files are written, where that is not with commas, double quotes, a header and in UTF-8.", objectOf(csvKeys), false},
		{"key", "The columns by which a row is known.", aTextOrList, true},
		{"mode", "upsert writes rows by their key; append adds rows and changes none; replace leaves no others in the table.", oneOf(asof.WriteModes...), false},
		{"columns", "Every column of the table with its type; the files have exactly these, in any order.", mapOf(aColumnType), true},
		{"rename", "By a column's name in the files, its name in the table.", mapOf(aText), false},
		{"ignore", "Columns of the files that are left out; * is all that the table has not.", aTextOrList, false},
		{"constants", "By column, the value that it has in every row.", mapOf(aText), false},
		{"from_path", "By column, the regular expression that finds its value in a file's name: its group, or the whole.", mapOf(aText), false},
		{"references", "By column, the table whose key each of its values is.", mapOf(aTable), false},
		{"allow_empty", "A file with a header alone is right.", aBoolean, false},
	}, (*fileReader).load, stages},
	{"check", "Holds the rows of a loaded table against what is expected of them.", keys{
		{"check", "The loaded table.", aTable, true},
		{"expect", "The rules. All of them are put, and all failures told at once.", listOf(aRule), true},
		{"quarantine", "The table that rows are put into that break rules, or true for quarantine_ and the table's name.", aText, false},
		{"at_most", "The share of the rows, from 0 to 1, without which the month may go on: they are put into the quarantine.", aText, false},
		{"profile", "What each column holds is kept with the run: empty cells, distinct values, mean, deviation, least and greatest.", aBoolean, false},
	}, (*fileReader).check, stages},
	{"snapshot", "Freezes rows at the day as_of.", keys{
		{"snapshot", "The table that keeps the rows of every month.", aTable, true},
		{"from", "The loaded table whose rows are frozen.", aTable, false},
		{"columns", "The columns that are kept; with `sql`, their names with types.", anyOf(aTextOrList, mapOf(aColumnType)), false},
		{"sql", "A query over the loaded and the published tables, instead of `from`.", aText, false},
		{"key", "The columns by which a row is known; with `from`, those of the table.", aTextOrList, false},
	}, (*fileReader).snapshot, stages},
	{"sql", "Makes a table by a query over the loaded and the published tables; it is published as a loaded one.", keys{
		{"sql", "The table that the rows are written into.", aTable, true},
		{"query", "A SELECT.", aText, true},
		{"key", "The columns by which a row is known.", aTextOrList, true},
		{"columns", "The columns that the query selects, with their types.", mapOf(aColumnType), true},
		{"allow_empty", "A query without rows is right.", aBoolean, false},
	}, (*fileReader).query, stages},
	{"materialize", "Brings feature views up to as_of online.", keys{
		{"materialize", "Their names, or all.", aTextOrList, true},
	}, (*fileReader).materialize, shows},
	{"monitor", "Computes statistics of feature views, keeps them, and compares them with those of the time before.", keys{
		{"monitor", "Their names, or all.", aTextOrList, true},
		{"granularity", "How long the time is of which statistics are; it holds as_of. monthly where it is not said.", oneOf(asof.Granularities...), false},
		{"fail_on", "What fails the step, and with it the run: nothing, where it is not said; error, that there are no statistics; drift, that a feature has drifted, or that.", oneOf(monitorFails...), false},
	}, (*fileReader).monitor, shows},
	{"training_set", "Writes training data: features as they were at the time of each entity row.", keys{
		{"training_set", "The file to write, from the repository's folder on: .csv, .parquet or .arrow.", aText, true},
		{"features", "Features, each view:feature.", aTextOrList, false},
		{"service", "The features of a service instead.", aText, false},
		{"entities", "A SELECT of join keys and event_timestamp.", aText, false},
		{"entity_file", "The entity rows in a file instead: .csv, .parquet or .arrow.", aText, false},
		{"label", "The column that goes last.", aText, false},
	}, (*fileReader).trainingSet, shows},
	{"command", "Runs a program in the repository's folder. It is ended, with all that it started, when the run is cancelled.", keys{
		{"command", "The program and its arguments; with `shell`, one text.", aTextOrList, true},
		{"shell", "The text is a command of the shell, sh; parameters in it are quoted.", aBoolean, false},
		{"dir", "Where it runs, from the repository's folder on.", aText, false},
		{"env", "Variables beside those of the environment; ${NAME} takes the value of one, which no log shows.", mapOf(aText), false},
	}, (*fileReader).command, anywhere},
	{"http", "Calls a server.", keys{
		{"http", "The address; ${NAME} takes the value of an environment variable, here, in headers and in the body.", aText, true},
		{"method", "POST where there is a body, else GET.", oneOf("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"), false},
		{"headers", "By name. What ${NAME} stands for is in no log.", mapOf(aText), false},
		{"body", "What is sent.", aText, false},
		{"json", "Or a value that is sent as JSON.", shape{}, false},
		{"expect", "The status that is right, or a list; any from 200 to 299 where it is not said.", anyOf(aWhole, listOf(aWhole)), false},
	}, (*fileReader).http, anywhere},
	{"notify", "Tells a text to webhooks of asof.notify.", keys{
		{"notify", "The text.", aText, true},
		{"to", "Their names; all where it is not said.", aTextOrList, false},
	}, (*fileReader).notify, anywhere},
}

// csvKeys are how CSV files are written.
var csvKeys = keys{
	{"delimiter", "What stands between cells: one character, or tab.", aText, false},
	{"quote", "What a cell with delimiters or line ends stands in: one character, or none.", aText, false},
	{"escape", "What stands before a quote within quotes, where it is not written twice: one character.", aText, false},
	{"header", "false where the first line is a row; or a list of the columns' names, instead of such a line.", anyOf(aBoolean, listOf(aText)), false},
	{"encoding", "How the characters are written.", oneOf(tablefile.Encodings...), false},
	{"decimal", "What stands before the fraction of a number: one character.", aText, false},
	{"thousands", "What stands between groups of three digits: one character.", aText, false},
	{"nulls", "Words that are NULL, as empty cells are.", aTextOrList, false},
	{"dates", "The format of dates, as %d.%m.%Y.", aText, false},
	{"times", "The format of times, as %d.%m.%Y %H:%M.", aText, false},
}

// kindNames lists what a step can do.
func kindNames() []string {
	names := make([]string, len(stepKinds))
	for i, k := range stepKinds {
		names[i] = k.name
	}
	return names
}
