package serving

// Request asks for features of entities.
type Request struct {
	Selection
	Entities []Column // of equal lengths: row i of all of them is one entity row
}

// Rows is how many entity rows are asked for.
func (r *Request) Rows() int {
	if len(r.Entities) == 0 {
		return 1
	}
	return len(r.Entities[0].Values)
}

// Selection says which features: by reference, those of a service, or every
// online feature of the project's only entity.
type Selection struct {
	// Features are references, view:feature. A feature's name alone is one
	// where only one view has such a feature.
	Features  []string
	Service   string
	Every     bool
	FullNames bool // name features view__feature
}

// Column is one column of the entity rows, named by a join key or, as Feast
// allows, by an entity.
type Column struct {
	Name   string
	Values []Cell
}

// Cell is a value as the caller wrote it; its type is that which the join key
// declares. The zero Cell is a null.
type Cell struct {
	kind  cellKind
	text  string
	whole int64
}

type cellKind uint8

const (
	null cellKind = iota
	text
	number
	whole
	binary
	other
)

// Text makes a Cell of a string. A whole number, a time and base64 bytes may
// be written as one where the join key is of such a type.
func Text(s string) Cell { return Cell{kind: text, text: s} }

// Number makes a Cell of a JSON number.
func Number(literal string) Cell { return Cell{kind: number, text: literal} }

// Whole makes a Cell of a whole number.
func Whole(v int64) Cell { return Cell{kind: whole, whole: v} }

// Binary makes a Cell of bytes.
func Binary(bytes string) Cell { return Cell{kind: binary, text: bytes} }

// Other makes a Cell of what can be no join key: true, a list, an object. It is
// shown as it is given.
func Other(shown string) Cell { return Cell{kind: other, text: shown} }

// Fault is the kind of mistake that a request made, in the error's chain, for
// surfaces that have names of their own for them.
type Fault string

// The faults.
const (
	FaultNoView        Fault = "there is no such feature view"
	FaultNoFeature     Fault = "there is no such feature"
	FaultNoService     Fault = "there is no such feature service"
	FaultNoEntity      Fault = "there is no such entity"
	FaultNoRequestData Fault = "request data is missing"
	FaultNameCollision Fault = "two columns of the answer have one name"
	FaultNoSingleKey   Fault = "one key does not tell which rows are meant"
)

// Error makes a Fault an error.
func (f Fault) Error() string { return string(f) }
