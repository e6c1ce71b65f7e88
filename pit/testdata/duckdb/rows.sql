WITH asof_source_0 AS (
  SELECT * FROM (
    SELECT s."user_id" AS k0, CAST(s."as_of" AS TIMESTAMP) AS event, s."monthly_fee" AS f0, s."months" AS f1
    FROM (SELECT * FROM profiles) AS s
  ) AS s
  WHERE k0 IS NOT NULL AND event IS NOT NULL AND event <= TIMESTAMP '2024-01-31 00:00:00.000001'
),
asof_newest_0 AS (
  SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY k0, event ORDER BY f1 DESC NULLS LAST, f0 DESC NULLS LAST) AS place
    FROM asof_source_0
  ) AS s
  WHERE place = 1
),
asof_source_1 AS (
  SELECT * FROM (
    SELECT CAST(s."shop" AS BIGINT) AS k0, s."user" AS k1, s."at" AS event, make_timestamp(((epoch_ns(s."loaded") + 999) - ((epoch_ns(s."loaded") + 999) % 1000 + 1000) % 1000) // 1000) AS created, s."we""ird" AS f0, s."extra" AS f1
    FROM visits AS s
  ) AS s
  WHERE k0 IS NOT NULL AND k1 IS NOT NULL AND event IS NOT NULL AND event <= TIMESTAMP '2024-01-31 00:00:00.000001' AND event >= TIMESTAMP '2024-01-29 12:00:00'
),
asof_newest_1 AS (
  SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY k0, k1, event ORDER BY created DESC NULLS LAST, f0 DESC NULLS LAST, f1 DESC NULLS LAST) AS place
    FROM asof_source_1
  ) AS s
  WHERE place = 1
),
asof_source_2 AS (
  SELECT * FROM (
    SELECT make_timestamp(epoch_us(s."at")) AS event, s."rain" AS f0
    FROM weather AS s
  ) AS s
  WHERE event IS NOT NULL AND event <= TIMESTAMP '2024-01-31 00:00:00.000001'
),
asof_newest_2 AS (
  SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY event ORDER BY f0 DESC NULLS LAST) AS place
    FROM asof_source_2
  ) AS s
  WHERE place = 1
)
SELECT m0.f0 AS "profile__fee",
  CASE WHEN m1.event >= e.at - to_microseconds(129600000000) THEN m1.f0 END AS "visits",
  CASE WHEN m1.event >= e.at - to_microseconds(129600000000) THEN m1.f1 END AS "extra",
  m2.f0 AS "rain"
FROM asof_entities AS e
ASOF LEFT JOIN asof_newest_0 AS m0 ON e.k0 = m0.k0 AND e.at >= m0.event
ASOF LEFT JOIN asof_newest_1 AS m1 ON e.k1 = m1.k0 AND e.k0 = m1.k1 AND e.at >= m1.event
ASOF LEFT JOIN asof_newest_2 AS m2 ON e.at >= m2.event
ORDER BY e.nr
