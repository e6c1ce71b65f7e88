package pit_test

// mutation is a rule of the join, and how to break it.
type mutation struct {
	rule  string
	on    string // the engines that read the rule, and that must each fail a case
	edits []edit
}

// edit is one expression of Go, and what it becomes. Where the expression
// alone does not name its one place in the file, it stands between « and ».
type edit struct{ file, is, becomes string }

const (
	every = "memory duckdb postgres"
	both  = "duckdb postgres"
)

func one(rule, on, file, is, becomes string) mutation {
	return mutation{rule, on, []edit{{file, is, becomes}}}
}

var mutants = []mutation{
	// Which rows match.
	one("an event at the time counts (ASOF)", "duckdb", "pit/plan.go", `"e.at >= "`, `"e.at > "`),
	one("an event at the time counts (intervals)", "postgres", "pit/plan.go", `".event <= e.at"`, `".event < e.at"`),
	one("an event at the time counts (cutoff)", both, "pit/plan.go", `"s.event <= e.at"`, `"s.event < e.at"`),
	one("later events do not count (cutoff)", both, "pit/plan.go", `"s.event <= e.at"`, `"s.event <= s.event"`),
	one("an event at the last time asked is read", both, "pit/plan.go", `column + «" <= "» + at(q.To)`, `" < "`),
	one("a row counts until the next one", "postgres", "pit/plan.go", `"(%s.until > e.at OR %s.until IS NULL)"`, `"(%s.until >= e.at OR %s.until IS NULL)"`),
	one("the last row counts for ever", "postgres", "pit/plan.go", `"(%s.until > e.at OR %s.until IS NULL)"`, `"(%s.until > e.at OR %s.until > e.at)"`),
	one("the newest event wins (cutoff)", both, "pit/plan.go", `order := «append([]string{"event DESC"}, r.order(v, newestFirst)...)»`, `append([]string{"event"}, r.order(v, newestFirst)...)`),
	one("the event comes before created (cutoff)", both, "pit/plan.go", `order := «append([]string{"event DESC"}, r.order(v, newestFirst)...)»`, `append(r.order(v, newestFirst), "event DESC")`),
	one("entity rows without a match stay (ASOF)", "duckdb", "pit/plan.go", `"ASOF LEFT JOIN %s AS %s ON %s"`, `"ASOF JOIN %s AS %s ON %s"`),
	one("entity rows without a match stay (intervals)", "postgres", "pit/plan.go", `«"LEFT JOIN %s AS %s ON %s"», history`, `"JOIN %s AS %s ON %s"`),
	one("entity rows without a match stay (cutoff)", both, "pit/plan.go", `"LEFT JOIN %s AS %s ON %s.nr = e.nr"`, `"JOIN %s AS %s ON %s.nr = e.nr"`),
	one("one row for each entity row (cutoff)", both, "pit/plan.go", `[]string{"nr"}`, `[]string{"nr", "event"}`),

	// The ttl.
	one("the ttl bounds the age", both, "pit/plan.go", `«".event >= "» + r.Earlier`, `".event <= e.at OR e.at >= "`),
	one("an age of just the ttl counts", both, "pit/plan.go", `«".event >= "» + r.Earlier`, `".event > "`),
	one("rows are read from the ttl before the first time on", both, "pit/plan.go", `«column+" >= "+at(q.From.Add(-v.TTL))»`, `column+" >= "+at(q.From.Add(-v.TTL/2))`),
	one("the first row within the ttl is read", both, "pit/plan.go", `«column+" >= "+at(q.From.Add(-v.TTL))»`, `column+" > "+at(q.From.Add(-v.TTL))`),
	one("the ttl is counted in microseconds (DuckDB)", "duckdb", "pit/dialect_duckdb.go", `d.Microseconds()`, `d.Truncate(time.Millisecond).Microseconds()`),
	one("the ttl is counted in microseconds (PostgreSQL)", "postgres", "pit/dialect_postgres.go", `d.Microseconds()`, `d.Truncate(time.Millisecond).Microseconds()`),

	// Created.
	one("the cutoff bounds created", both, "pit/plan.go", `"s.created <= e.at"`, `"s.created <= s.created"`),
	one("created at the time counts", both, "pit/plan.go", `"s.created <= e.at"`, `"s.created < e.at"`),
	one("the cutoff is looked at", both, "pit/plan.go", `case «q.Cutoff» &&`, `false`),
	one("a row without created is not early enough", both, "pit/plan.go", `"s.created <= e.at"`, `"(s.created <= e.at OR s.created IS NULL)"`),
	one("the latest created wins", both, "pit/render.go", `order = append(order, «"created"+direction»)`, `"created"+flipped(direction)`),
	one("created decides between equal events", both, "pit/render.go", `order = append(order, «"created"+direction»)`, `"1"+direction`),
	one("a null created is the earliest", both, "pit/render.go", `order = append(order, «"created"+direction»)`, `"created"+nullsTurned(direction)`),

	// What decides between equal times.
	one("the features decide", both, "pit/render.go", `range «v.ranked()»`, `v.ranked()[:0]`),
	one("all features decide", both, "pit/render.go", `range «v.ranked()»`, `v.ranked()[:min(1, len(v.ranked()))]`),
	one("the first feature decides first", both, "pit/render.go", `range «v.ranked()»`, `backwards(v.ranked())`),
	one("the greatest row wins", both, "pit/render.go", `v.columns[name])+«direction»`, `flipped(direction)`),
	one("null is the lowest feature", both, "pit/render.go", `v.columns[name])+«direction»`, `nullsTurned(direction)`),
	one("the declared order counts, not the asked one", both, "pit/view.go", `len(v.Order) == 0`, `true`),
	one("features that are not asked for decide too", both, "pit/view.go", `range «q.Order»`, `q.Order[:0]`),
	one("text is compared by its bytes", "postgres", "pit/dialect_postgres.go", "«expr + ` COLLATE \"C\"`»", "expr + ` COLLATE \"en-x-icu\"`"),
	one("numbers of a CSV file are compared as numbers", "duckdb", "pit/dialect_duckdb.go", `"TRY_CAST(" + expr + " AS " + typ + ")"`, `expr`),
	one("lists of text are compared by the bytes of their elements", "postgres", "pit/dialect_postgres.go", "«expr + `::text[] COLLATE \"C\"`»", "expr + `::text[] COLLATE \"en-x-icu\"`"),
	one("lists of a CSV file are compared as lists", "duckdb", "duckdb/relation.go", `return «compared + "[]"»`, `""`),
	one("features of a CSV file decide by their types, asked for or not", "duckdb", "duckdb/relation.go", `range «view.Ordered»`, `view.Ordered[:0]`),

	// Keys.
	one("all keys are compared", both, "pit/plan.go", `return «on»
}`, `on[:min(1, len(on))]`),
	one("keys are compared as a tuple", both, "pit/plan.go", `return «on»
}`, `runTogether(on)`),
	one("a null key is no key", both, "pit/render.go", `" IS NOT NULL"`, `" IS NOT DISTINCT FROM " + numbered("k", i)`),
	{"a null key equals no other", both, []edit{
		{"pit/render.go", `" IS NOT NULL"`, `" IS NOT DISTINCT FROM " + numbered("k", i)`},
		{"pit/plan.go", `"e.%s = %s.%s"`, `"e.%s IS NOT DISTINCT FROM %s.%s"`}}},
	one("rows are ranked within their key (ASOF)", "duckdb", "pit/plan.go", `append(«v.keyNames()», "event")`, `[]string{}`),
	one("rows follow one another within their key (intervals)", "postgres", "pit/plan.go", `window(«v.keyNames()», append`, `[]string{}`),
	one("capitals in a UUID mean nothing", both, "pit/dialect.go", `return «t.Value == asof.TypeUUID || t.Value == asof.TypeTimeUUID»`, `false`),
	one("keys of other types are cast (DuckDB)", "duckdb", "pit/dialect_duckdb.go", `«familyOf(c.Type)» && c.Native`, `family`),
	one("keys of other types are cast (PostgreSQL)", "postgres", "pit/dialect_postgres.go", `return «expr + "::text"»
}

// postgresTypes`, `expr`),

	// Times.
	one("a source time is rounded up", "duckdb", "pit/render.go", `v.columns[v.Timestamp], «asof.RoundUp»)+" AS event")
	if v.Created`, `asof.RoundDown`),
	one("a created time is rounded up", "duckdb", "pit/render.go", `v.columns[v.Created], «asof.RoundUp»`, `asof.RoundDown`),
	one("an entity time is rounded down (SQL)", "duckdb", "pit/render.go", `c, «asof.RoundDown»)+" AS at"`, `asof.RoundUp`),
	one("an entity time is rounded down (rows)", both, "pit/index.go", `asof.Instants(times, «asof.RoundDown»)`, `asof.RoundUp`),
	one("nanoseconds before 1970 are rounded too", "duckdb", "pit/dialect_duckdb.go", `"make_timestamp((%s - (%s %% 1000 + 1000) %% 1000) // 1000)"`, `"make_timestamp((%s - %s %% 1000) // 1000)"`),
	one("a CSV file's nanoseconds are rounded up", "duckdb", "pit/dialect_duckdb.go", `«r == asof.RoundUp» {
			micros`, `false`),
	one("nanoseconds in rows are rounded down", every, "instant.go", `rest < 0 && «r == RoundDown»`, `false`),
	one("nanoseconds in the oracle's tables are rounded up", "memory", "instant.go", `rest > 0 && «r == RoundUp»`, `false`),

	// What comes out.
	one("the rows come in the order given", both, "pit/render.go", `"\nORDER BY e.nr"`, `"\nORDER BY e.nr DESC"`),
	one("a numeric is rounded once", "postgres", "pit/dialect_postgres.go", `case binaryTypes[native]:
		return expr
	}
	return «expr + "::text"»`, `expr + map[bool]string{true: "::double precision::text", false: "::text"}[native == "numeric"]`),
	one("a decimal is exact", "postgres", "pit/dialect_postgres.go", `native == "numeric" && arrow.TypeEqual(t.Arrow(), arrow.BinaryTypes.String):
		return «"trim_scale(" + expr + ")::text"»`, `expr + "::double precision::text"`),
	one("a set holds each value once", every, "cast.go", `case «seen[shown]»:`, `false`),
	one("a map has one form", every, "cast_text.go", `b.Append(«string(canonical)»)`, `s`),
	one("an alias renames join keys", every, "query.go", `renamed, ok := p.JoinKeyMap[«key.Name»]`, `""`),
	one("a field mapping is turned round", every, "query.go", `s.FieldMapping[column] == «name»`, `name + "?"`),
	one("a projection keeps the view's order", every, "query.go", `range «v.Features» {
		q.Order`, `p.Features`),

	// The newest rows.
	one("the oldest row of a span counts", both, "pit/render.go", `«"event >= "»+r.Literal(from)`, `"event > "`),
	one("the newest row of a span counts", both, "pit/render.go", `«"event <= "»+r.Literal(to)`, `"event < "`),
	one("only the keys asked for are read", both, "pit/render.go", `«"(%s) IN (SELECT %s FROM %s)"»`, `"((%s) IN (SELECT %s FROM %s) OR true)"`),
	one("the newest row is taken", both, "pit/latest.go", `"(%s, event) IN (SELECT %s, max(event) FROM %s GROUP BY %s)"`, `"(%s, event) IN (SELECT %s, min(event) FROM %s GROUP BY %s)"`),
	one("the newest row is each key's own", both, "pit/latest.go", `keys, keys, table, «keys»)`, `"event, "+keys`),
	one("the newest of all is taken where there is no key", both, "pit/latest.go", `"event = (SELECT max(event) FROM %s)"`, `"event = (SELECT min(event) FROM %s)"`),

	// The plan by an index.
	one("an event at the time counts (index)", "postgres", "pit/byindex.go", `time+«" <= "»+r.Facts`, `" < "`),
	one("the newest event wins (index)", "postgres", "pit/byindex.go", `"SELECT %s FROM %s AS s WHERE %s ORDER BY %s DESC LIMIT 1"`, `"SELECT %s FROM %s AS s WHERE %s ORDER BY %s LIMIT 1"`),
	one("the cutoff bounds created (index)", "postgres", "pit/byindex.go", `if «q.Cutoff» {`, `false`),
	one("created at the time counts (index)", "postgres", "pit/byindex.go", `«created+" <= e.at"»`, `created+" < e.at"`),
	one("a row of another key and the same time is another's (index)", "postgres", "pit/byindex.go", `append(«on», time+" = (`, `[]string{}`),
	one("rows of equal times are put in order (index)", "postgres", "pit/byindex.go", `v.Lookup == IndexLookup && «len(order) > 0»`, `false`),
	one("all keys are compared (index)", "postgres", "pit/byindex.go", `slices.Clone(«on»)`, `on[:min(1, len(on))]`),
	one("entity rows without a match stay (index)", "postgres", "pit/byindex.go", `"LEFT JOIN LATERAL (\n  %s\n) AS %s ON true"`, `"JOIN LATERAL (\n  %s\n) AS %s ON true"`),
	one("the ttl bounds the age (index)", "postgres", "pit/byindex.go", `if «v.TTL > 0» {`, `false`),

	// The plan that joins in memory.
	one("an event at the time counts (in memory)", both, "pit/history.go", `h.events[middle] <= at`, `h.events[middle] < at`),
	one("an age of just the ttl counts (in memory)", both, "pit/history.go", `h.events[i] < at-h.view.TTL.Microseconds()`, `h.events[i] <= at-h.view.TTL.Microseconds()`),
	one("the ttl bounds the age (in memory)", both, "pit/history.go", `h.events[i] < at-h.view.TTL.Microseconds()`, `false`),
	one("the cutoff bounds created (in memory)", both, "pit/history.go", `!cutoff || h.created == nil || h.created[i] != unset && h.created[i] <= at`, `true`),
	one("created at the time counts (in memory)", both, "pit/history.go", `!cutoff || h.created == nil || h.created[i] != unset && h.created[i] <= at`, `!cutoff || h.created == nil || h.created[i] != unset && h.created[i] < at`),
	one("a row without created is not early enough (in memory)", both, "pit/history.go", `!cutoff || h.created == nil || h.created[i] != unset && h.created[i] <= at`, `!cutoff || h.created == nil || h.created[i] <= at`),
	one("a null key is no key (in memory)", both, "pit/keyring.go", `if «k.IsNull(row)»`, `false`),
	{"keys are compared as a tuple (in memory)", both, []edit{
		{"pit/keyring.go", `append(dst, 0, 0, 0, 0)`, `dst`},
		{"pit/keyring.go", `PutUint32(«dst[at:]»`, `make([]byte, 4)`}}},
	one("a null time is no time (in memory)", both, "pit/lookup.go", `«!times.IsNull(row)»`, `true`),
	one("the latest created wins (in memory)", both, "pit/history.go", `return «cmp.Compare(b.made[x], b.made[y])»`, `cmp.Compare(b.made[y], b.made[x])`),
	one("the event comes before created (in memory)", both, "pit/history.go", `«cmp.Compare(b.at[x], b.at[y])»; c != 0`, `cmp.Compare(b.at[y], b.at[x])`),
	one("rows of equal times are the engine's to decide", both, "pit/history.go", `«b.compare(rows[i-1], rows[i]) == 0»`, `false`),
	one("keys of other types are the engine's to compare", "duckdb", "pit/join.go", `«keyFamily(theirs) != keyFamily(ours)»`, `false`),

	// The oracle.
	one("an event at the time counts (oracle)", "memory", "memory/history.go", `«*h.events[i] > at»:`, `*h.events[i] >= at`),
	one("an age of just the ttl counts (oracle)", "memory", "memory/history.go", `«*h.events[i] < at-h.view.TTL.Microseconds()»`, `*h.events[i] <= at-h.view.TTL.Microseconds()`),
	one("created at the time counts (oracle)", "memory", "memory/history.go", `(«h.created[i] == nil || *h.created[i] > at»)`, `h.created[i] == nil || *h.created[i] >= at`),
	one("a row without created is not early enough (oracle)", "memory", "memory/history.go", `(«h.created[i] == nil || *h.created[i] > at»)`, `h.created[i] != nil && *h.created[i] > at`),
	one("the greatest row wins (oracle)", "memory", "memory/history.go", `«h.compare(i, best) > 0»`, `h.compare(i, best) < 0`),
	one("the latest created wins (oracle)", "memory", "memory/history.go", `return «cmp.Compare(*h.created[i], *h.created[j])»`, `cmp.Compare(*h.created[j], *h.created[i])`),
	one("a null is the lowest (oracle)", "memory", "memory/history.go", `case a:
		return «-1»`, `2`),
	one("a null inside a list is the highest (oracle)", "memory", "memory/history.go", `return «cmp.Compare(bit(column.IsNull(i)), bit(column.IsNull(j)))»
	}
	return compare`, `0`),
	one("the longer list is the greater (oracle)", "memory", "memory/history.go", `return «cmp.Compare(to-from, end-other)»`, `0`),
	one("keys are compared as a tuple (oracle)", "memory", "memory/offline.go", `"%d:%s"`, `"%[2]s"`),
}
