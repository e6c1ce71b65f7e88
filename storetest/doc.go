// Package storetest holds what shows that a store is right: one conformance
// suite for each contract, the corpus of point-in-time cases, and real servers
// to run them on. Only tests import it.
//
// A server is started when a test first asks for it, as a child process on a
// free port of the loopback interface, and is shared by the tests of the
// package, each with a database of its own. A package that uses servers ends
// them with
//
//	func TestMain(m *testing.M) { storetest.Main(m) }
//
// A server that cannot be started fails the test; it is never skipped.
package storetest
