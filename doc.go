// Package asof holds the nouns of a feature store and the contracts of its
// parts: what a team defines ([Entity], [DataSource], [FeatureView],
// [OnDemandFeatureView], [FeatureService]), where the definitions live
// ([Registry]), where the history of feature values lives ([OfflineStore],
// [Warehouse]), where the newest values live ([OnlineStore]), and what was
// copied from the one to the other ([Ledger]).
//
// The package says what; the packages below it say how, one technology or one
// journey each; cmd/asof decides which. It imports none of them.
//
// Times are instants in UTC with the microsecond as their unit, everywhere.
package asof
