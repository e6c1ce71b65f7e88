// Package pit renders the point-in-time query and its relatives as SQL, and
// gives the rows that come back the names and types that were asked for.
//
// An engine resolves each view's source to something that can stand in FROM
// and to the columns that it has ([NewView]), puts the entity rows into a table
// ([ReadRows]) or names the SELECT that makes them ([Select]), runs what
// [Historical], [Latest] or [Range] returns, and hands the rows to [Answer].
// How an engine writes things is its [Dialect]; how the rows are matched is one
// of the plans in plan.go, all of which give the same answer. An engine that
// scans faster than it matches hands [Join] what [Scan] selects instead.
package pit
