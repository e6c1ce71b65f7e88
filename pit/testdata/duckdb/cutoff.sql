WITH asof_source_0 AS (
  SELECT * FROM (
    SELECT CAST(s."shop" AS BIGINT) AS k0, s."user" AS k1, s."at" AS event, make_timestamp(((epoch_ns(s."loaded") + 999) - ((epoch_ns(s."loaded") + 999) % 1000 + 1000) % 1000) // 1000) AS created, s."we""ird" AS f0, s."extra" AS f1
    FROM visits AS s
  ) AS s
  WHERE k0 IS NOT NULL AND k1 IS NOT NULL AND event IS NOT NULL
),
asof_match_0 AS (
  SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY nr ORDER BY event DESC, created DESC NULLS LAST, f0 DESC NULLS LAST, f1 DESC NULLS LAST) AS place
    FROM (
      SELECT e.nr, s.*
      FROM asof_entities AS e JOIN asof_source_0 AS s ON e.k0 = s.k0 AND e.k1 = s.k1 AND s.event <= e.at AND s.created <= e.at AND s.event >= e.at - to_microseconds(129600000000)
    ) AS s
  ) AS s
  WHERE place = 1
),
asof_source_1 AS (
  SELECT * FROM (
    SELECT make_timestamp(epoch_us(s."at")) AS event, s."rain" AS f0
    FROM weather AS s
  ) AS s
  WHERE event IS NOT NULL
),
asof_newest_1 AS (
  SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY event ORDER BY f0 DESC NULLS LAST) AS place
    FROM asof_source_1
  ) AS s
  WHERE place = 1
)
SELECT m0.f0 AS "visits",
  m0.f1 AS "extra",
  m1.f0 AS "rain"
FROM asof_entities AS e
LEFT JOIN asof_match_0 AS m0 ON m0.nr = e.nr
ASOF LEFT JOIN asof_newest_1 AS m1 ON e.at >= m1.event
ORDER BY e.nr
