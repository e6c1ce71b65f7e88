"""Generates Feast's protobuf messages and gRPC services for Go.

The messages come from the descriptors that the installed `feast` package
carries, so that every number is the released SDK's own and no .proto file is
copied. Needs a Python environment with feast and grpcio-tools (for protoc)
and, on the PATH, go; the plugins are built at the versions that go.mod names.

    PATH=$VENV/bin:$PATH go generate ./feastpb

writes feastpb/{core,types,serving,registry}/*.pb.go anew.
"""

import importlib
import pathlib
import pkgutil
import subprocess
import sys
import tempfile

import feast.protos.feast as feast_protos
from google.protobuf import descriptor_pb2

HERE = pathlib.Path(__file__).resolve().parent
MODULE = "github.com/asof-dev/asof/feastpb"

# Messages that belong to a storage layout of one vendor, or that no part of
# Feast itself sends.
LEFT_OUT = {"feast/serving/Connector.proto", "feast/storage/Redis.proto"}

# protoc's plugins, by the name of their flags.
PLUGINS = {
    "go": "google.golang.org/protobuf/cmd/protoc-gen-go",
    "go-grpc": "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
}


def descriptors():
    """The FileDescriptorProtos of every message module of the package."""
    for module in pkgutil.walk_packages(feast_protos.__path__, feast_protos.__name__ + "."):
        if not module.name.endswith("_pb2"):
            continue
        file = importlib.import_module(module.name).DESCRIPTOR
        if file.name not in LEFT_OUT:
            yield file


def with_dependencies(files):
    """A FileDescriptorSet in which each file follows what it imports."""
    result, seen = descriptor_pb2.FileDescriptorSet(), set()

    def add(file):
        if file.name in seen:
            return
        seen.add(file.name)
        for dependency in file.dependencies:
            add(dependency)
        file.CopyToProto(result.file.add())

    for file in files:
        add(file)
    return result


def go_package(name):
    """feast/core/Entity.proto -> …/feastpb/core"""
    return f"{MODULE}/{name.split('/')[1]}"


def main():
    files = list(descriptors())
    names = [file.name for file in files]
    mapping = [f"--{plugin}_opt=M{name}={go_package(name)}" for plugin in PLUGINS for name in names]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        options = []
        for name, package in PLUGINS.items():
            binary = folder / f"protoc-gen-{name}"
            subprocess.run(["go", "build", "-o", binary, package], cwd=HERE, check=True)
            options += [f"--plugin=protoc-gen-{name}={binary}", f"--{name}_out={HERE}", f"--{name}_opt=module={MODULE}"]
        descriptor_set = folder / "feast.binpb"
        descriptor_set.write_bytes(with_dependencies(files).SerializeToString())
        for stale in HERE.glob("*/*.pb.go"):
            stale.unlink()
        subprocess.run(
            [sys.executable, "-m", "grpc_tools.protoc",
             f"--descriptor_set_in={descriptor_set}",
             *options, *mapping, *names],
            check=True)


if __name__ == "__main__":
    main()
