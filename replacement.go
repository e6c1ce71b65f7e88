package asof

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/array"
)

// Replacement is a table of the warehouse that is being written as a whole.
// Readers see the table as it was, or that there is none, until Commit shows
// all of the new one, also when the process dies at any point; what a dead one
// left, the next Replacement takes away.
type Replacement interface {
	// Write reads the rows to their end, batch by batch, and returns how many
	// there were. The columns get the warehouse's types for the rows' own; what
	// it has none for, and a value that does not fit, is CodeInvalid and names
	// the column. It is called once.
	Write(ctx context.Context, rows array.RecordReader) (int64, error)
	// Commit puts the table in the place of the present one, and remembers id
	// with it. It waits for the warehouse's other runs, and for readers of the
	// present table where these hold it: let go of rows that came from it
	// first. Of two at once the later stays.
	Commit(ctx context.Context, id string) error
	// Discard leaves nothing behind. After Commit it does nothing.
	Discard(ctx context.Context) error
}

// maxTableName is how many bytes the name of a table has at most: PostgreSQL
// would cut off the rest.
const maxTableName = 63

// ReservedTables begins the names of tables that are the warehouse's own.
const ReservedTables = "asof_"

// CheckTableName refuses a name that no Replacement can have in every
// warehouse: CodeInvalid, with the reason.
func CheckTableName(name string) error {
	why := ""
	switch {
	case strings.TrimSpace(name) != name || name == "":
		why = "it is empty, or begins or ends with a space"
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		why = "it holds what is not text"
	case strings.ContainsAny(name, `."`):
		why = "it is the name alone, without a schema and without quotes"
	case len(name) > maxTableName:
		why = "it has more than 63 bytes"
	case strings.HasPrefix(strings.ToLower(name), ReservedTables):
		why = "names that begin with " + ReservedTables + " are our own"
	default:
		return nil
	}
	return Errorf(CodeInvalid, "%q cannot be the name of the table: %s; give another name", name, why)
}
