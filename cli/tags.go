package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
)

// tagsFlag adds --tags to a command that lists something.
func tagsFlag(cmd *cobra.Command, into *[]string) {
	cmd.Flags().StringArrayVar(into, "tags", nil, "only those with all of these tags: key:value[,key:value]")
}

// parseTags reads key:value pairs, several of them in one word by commas.
func parseTags(words []string) (map[string]string, error) {
	wanted := map[string]string{}
	for _, word := range words {
		for _, pair := range strings.Split(word, ",") {
			key, value, ok := strings.Cut(strings.TrimSpace(pair), ":")
			if !ok {
				return nil, usagef("", "--tags %q: write key:value", pair)
			}
			wanted[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return wanted, nil
}

func hasTags(o asof.Object, wanted map[string]string) bool {
	if len(wanted) == 0 {
		return true
	}
	tags := asof.TagsOf(o)
	if opaque, ok := o.(*asof.Opaque); ok {
		tags = opaqueTags(opaque)
	}
	for key, value := range wanted {
		if tags[key] != value {
			return false
		}
	}
	return true
}

// opaqueTags reads the tags of an object of which the registry holds only a
// message.
func opaqueTags(o *asof.Opaque) map[string]string {
	m, err := (&feastconv.Encoder{}).Encode(o)
	if err != nil {
		return nil
	}
	type tagged interface{ GetTags() map[string]string }
	if t, ok := m.(tagged); ok {
		return t.GetTags()
	}
	spec := m.ProtoReflect().Descriptor().Fields().ByName("spec")
	if spec == nil {
		return nil
	}
	t, ok := m.ProtoReflect().Get(spec).Message().Interface().(tagged)
	if !ok {
		return nil
	}
	return t.GetTags()
}
