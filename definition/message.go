package definition

import (
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// fields are a message in protobuf's JSON form.
type fields = map[string]any

const sourceMessage = "feast.core.DataSource"

// message makes the bytes of one of Feast's messages from its fields. It is for
// what the nouns keep as it is. A value that no message holds, such as an
// infinite sample rate, is a mistake of the definition.
func (a *arguments) message(name string, content fields) []byte {
	b, err := encode(name, content)
	if err != nil {
		a.problemAt(a.site.Place, "%s %s cannot be registered: %v", a.name, a.text("name"), err)
	}
	return b
}

func encode(name string, content fields) ([]byte, error) {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	m := kind.New().Interface()
	if err := protojson.Unmarshal(text, m); err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}
