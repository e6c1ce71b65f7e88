// Command asof is a feature store in one binary. It answers to the name feast
// too.
package main

import "github.com/asof-dev/asof/cli"

func main() { cli.Main(engines()) }
