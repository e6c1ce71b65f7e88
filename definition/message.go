package definition

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// fields are a message in protobuf's JSON form.
type fields = map[string]any

const sourceMessage = "feast.core.DataSource"

// message makes the bytes of one of Feast's messages from its fields. It is for
// what the nouns keep as it is. The names of the messages and fields are ours
// to get right, so that a wrong one panics.
func message(name string, content fields) []byte {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
	if err != nil {
		panic(fmt.Sprintf("find the message %s: %v", name, err))
	}
	text, err := json.Marshal(content)
	if err != nil {
		panic(fmt.Sprintf("write a %s: %v", name, err))
	}
	m := kind.New().Interface()
	if err := protojson.Unmarshal(text, m); err != nil {
		panic(fmt.Sprintf("make a %s: %v", name, err))
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("marshal a %s: %v", name, err))
	}
	return b
}
