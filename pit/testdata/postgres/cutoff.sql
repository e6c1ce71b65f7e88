WITH asof_source_0 AS (
  SELECT * FROM (
    SELECT s."shop"::text::bigint AS k0, s."user" AS k1, s."at"::timestamptz AS event, s."loaded" AS created, s."we""ird" AS f0, s."extra" AS f1
    FROM visits AS s
  ) AS s
  WHERE k0 IS NOT NULL AND k1 IS NOT NULL AND event IS NOT NULL
),
asof_match_0 AS (
  SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY nr ORDER BY event DESC, created DESC NULLS LAST, f0 COLLATE "C" DESC NULLS LAST, f1::text COLLATE "C" DESC NULLS LAST) AS place
    FROM (
      SELECT e.nr, s.*
      FROM asof_entities AS e JOIN asof_source_0 AS s ON e.k0 = s.k0 AND e.k1 = s.k1 AND s.event <= e.at AND s.created <= e.at AND s.event >= e.at - interval '129600000000 microseconds'
    ) AS s
  ) AS s
  WHERE place = 1
),
asof_source_1 AS (
  SELECT * FROM (
    SELECT s."at" AS event, s."rain" AS f0
    FROM weather AS s
  ) AS s
  WHERE event IS NOT NULL
),
asof_history_1 AS (
  SELECT *, lead(event) OVER (ORDER BY event, f0 NULLS FIRST) AS until
  FROM asof_source_1
)
SELECT m0.f0 AS "visits",
  m0.f1::text AS "extra",
  m1.f0::text AS "rain"
FROM asof_entities AS e
LEFT JOIN asof_match_0 AS m0 ON m0.nr = e.nr
LEFT JOIN asof_history_1 AS m1 ON m1.event <= e.at AND (m1.until > e.at OR m1.until IS NULL)
ORDER BY e.nr
