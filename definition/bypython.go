package definition

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
)

//go:embed bypython.py
var bypython string

// PythonVariable names the environment variable that says which Python
// [LoadByPython] runs; without it, it is python3.
const PythonVariable = "ASOF_PYTHON"

// LoadByPython has an installed Feast load the definitions. It is the way out
// for repositories that use more of Python than [Load] reads; it needs a Python
// with the package feast.
func LoadByPython(ctx context.Context, config *Config) (*Result, error) {
	interpreter := cmp.Or(os.Getenv(PythonVariable), "python3")
	script, err := os.CreateTemp("", "asof-*.py")
	if err != nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "write the script that loads definitions: %w", err)
	}
	defer os.Remove(script.Name())
	_, err = script.WriteString(bypython)
	if err = cmp.Or(err, script.Close()); err != nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "write the script that loads definitions: %w", err)
	}
	var out, failure bytes.Buffer
	command := exec.CommandContext(ctx, interpreter, script.Name(), config.Dir, config.Project)
	command.Env = append(os.Environ(), "FEAST_USAGE=False", "PYTHONWARNINGS=ignore")
	command.Stdout, command.Stderr = &out, &failure
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, pythonFailure(interpreter, config.Dir, failure.String(), err)
	}
	return readMessages(config, &out)
}

// pythonFailure says what went wrong by the last lines of a traceback.
func pythonFailure(interpreter, dir, trace string, err error) error {
	if strings.Contains(trace, "No module named 'feast'") {
		return asof.Errorf(asof.CodeInvalid, "%s has no package feast, which --python needs: name one that has by %s, or `pip install feast`", interpreter, PythonVariable)
	}
	if strings.TrimSpace(trace) == "" {
		return asof.Errorf(asof.CodeInvalid, "%s, which --python needs, cannot be run: %w; name another one by %s", interpreter, err, PythonVariable)
	}
	lines := strings.Split(strings.TrimSpace(trace), "\n")
	message, place := lines[len(lines)-1], ""
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if at, ok := strings.CutPrefix(line, `File "`+strings.TrimSuffix(dir, "/")+"/"); ok {
			file, rest, _ := strings.Cut(at, `", line `)
			number, _, _ := strings.Cut(rest, ",")
			place = file + ":" + number + ": "
		}
	}
	return asof.Errorf(asof.CodeInvalid, "%s%s", place, message)
}

// readMessages turns the script's output into nouns.
func readMessages(config *Config, out *bytes.Buffer) (*Result, error) {
	r := &registrar{seen: map[any]bool{}, named: map[string]registered{}, loader: &loader{config: config}}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		content, err := base64.StdEncoding.DecodeString(text)
		var kind protoreflect.MessageType
		if err == nil {
			kind, err = protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
		}
		var object asof.Object
		if err == nil {
			m := kind.New().Interface()
			if err = proto.Unmarshal(content, m); err == nil {
				object, err = feastconv.Decode(m)
			}
		}
		if err != nil {
			return nil, asof.Errorf(asof.CodeInternal, "read a definition that Feast loaded (%s): %w", name, err)
		}
		if object.ObjectName() != asof.DummyEntity {
			r.objects = append(r.objects, object)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, asof.Errorf(asof.CodeInternal, "read the definitions that Feast loaded: %w", err)
	}
	result := &Result{Objects: slices.Clip(r.sorted())}
	for _, o := range result.Objects {
		if p, ok := o.(*asof.Project); ok && p.Name != config.Project {
			return nil, asof.Errorf(asof.CodeInvalid, "%s: the project is named %q in its Python files and %q in feature_store.yaml; write the same name in both",
				filepath.Base(config.Dir), p.Name, config.Project)
		}
	}
	return result, nil
}
