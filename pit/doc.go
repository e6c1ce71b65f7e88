// Package pit renders the point-in-time query and its relatives as SQL, and
// gives the rows that come back the names and types that were asked for.
//
// An engine resolves each view's source to something that can stand in FROM
// and to the columns that it has ([NewView]), and gets the entity rows
// ([ReadRows], or [SelectedRows] of a SELECT). It puts them into a table
// ([Rows.Table]) or leaves the SELECT that makes them where it is ([Select]),
// runs what [Historical], [Latest] or [Range] returns, and hands its rows to
// [HistoricalAnswer] or [LatestAnswer]. How an engine writes things is its
// [Dialect]; how the rows are matched is one of the plans in plan.go, all of
// which give the same answer. An engine that scans faster than it matches hands
// [Join] what [Scan] selects instead: entity rows stream through that, and only
// the sources are held.
package pit
