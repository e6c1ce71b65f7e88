WITH asof_source_0 AS (
  SELECT * FROM (
    SELECT CAST(s."shop" AS BIGINT) AS k0, s."user" AS k1, s."at" AS event, make_timestamp(((epoch_ns(s."loaded") + 999) - ((epoch_ns(s."loaded") + 999) % 1000 + 1000) % 1000) // 1000) AS created, s."we""ird" AS f0, s."extra" AS f1
    FROM visits AS s
  ) AS s
  WHERE k0 IS NOT NULL AND k1 IS NOT NULL AND event IS NOT NULL
),
asof_match_0 AS (
  SELECT DISTINCT ON (e.nr) e.nr, s.*
  FROM asof_entities AS e JOIN asof_source_0 AS s ON e.k0 = s.k0 AND e.k1 = s.k1 AND s.event <= e.at AND s.created <= e.at AND s.event >= e.at - to_microseconds(129600000000)
  ORDER BY e.nr, s.event DESC, s.created DESC NULLS LAST, s.f0 DESC NULLS LAST, s.f1 DESC NULLS LAST
),
asof_source_1 AS (
  SELECT * FROM (
    SELECT make_timestamp(epoch_us(s."at")) AS event, s."rain" AS f0
    FROM weather AS s
  ) AS s
  WHERE event IS NOT NULL
),
asof_newest_1 AS (
  SELECT DISTINCT ON (event) *
  FROM asof_source_1
  ORDER BY event, f0 DESC NULLS LAST
)
SELECT m0.f0 AS "visits",
  m0.f1 AS "extra",
  m1.f0 AS "rain"
FROM asof_entities AS e
LEFT JOIN asof_match_0 AS m0 ON m0.nr = e.nr
ASOF LEFT JOIN asof_newest_1 AS m1 ON e.at >= m1.event
ORDER BY e.nr
