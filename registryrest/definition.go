package registryrest

import "google.golang.org/protobuf/proto"

func definition(m proto.Message) string { return "" }
