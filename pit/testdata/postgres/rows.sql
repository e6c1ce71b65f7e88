WITH asof_source_0 AS (
  SELECT * FROM (
    SELECT s."user_id" AS k0, s."as_of"::timestamptz AS event, s."monthly_fee" AS f0, s."months" AS f1
    FROM (SELECT * FROM profiles) AS s
    WHERE s."as_of" <= timestamptz '2024-01-31 00:00:00.000001+00' AT TIME ZONE 'UTC'
  ) AS s
  WHERE k0 IS NOT NULL AND event IS NOT NULL
),
asof_history_0 AS (
  SELECT *, lead(event) OVER (PARTITION BY k0 ORDER BY event, f1 NULLS FIRST, f0 NULLS FIRST) AS until
  FROM asof_source_0
),
asof_source_1 AS (
  SELECT * FROM (
    SELECT s."shop"::text::bigint AS k0, s."user" AS k1, s."at"::timestamptz AS event, s."loaded" AS created, s."we""ird" AS f0, s."extra" AS f1
    FROM visits AS s
    WHERE s."at" <= timestamptz '2024-01-31 00:00:00.000001+00' AT TIME ZONE 'UTC' AND s."at" >= timestamptz '2024-01-29 12:00:00+00' AT TIME ZONE 'UTC'
  ) AS s
  WHERE k0 IS NOT NULL AND k1 IS NOT NULL AND event IS NOT NULL
),
asof_history_1 AS (
  SELECT *, lead(event) OVER (PARTITION BY k0, k1 ORDER BY event, created NULLS FIRST, f0 COLLATE "C" NULLS FIRST, f1::text COLLATE "C" NULLS FIRST) AS until
  FROM asof_source_1
),
asof_source_2 AS (
  SELECT * FROM (
    SELECT s."at" AS event, s."rain" AS f0
    FROM weather AS s
    WHERE s."at" <= timestamptz '2024-01-31 00:00:00.000001+00'
  ) AS s
  WHERE event IS NOT NULL
),
asof_history_2 AS (
  SELECT *, lead(event) OVER (ORDER BY event, f0 NULLS FIRST) AS until
  FROM asof_source_2
)
SELECT m0.f0::text AS "profile__fee",
  m1.f0 AS "visits",
  m1.f1::text AS "extra",
  m2.f0::text AS "rain"
FROM asof_entities AS e
LEFT JOIN asof_history_0 AS m0 ON e.k0 = m0.k0 AND m0.event <= e.at AND (m0.until > e.at OR m0.until IS NULL)
LEFT JOIN asof_history_1 AS m1 ON e.k1 = m1.k0 AND e.k0 = m1.k1 AND m1.event <= e.at AND (m1.until > e.at OR m1.until IS NULL) AND m1.event >= e.at - interval '129600000000 microseconds'
LEFT JOIN asof_history_2 AS m2 ON m2.event <= e.at AND (m2.until > e.at OR m2.until IS NULL)
ORDER BY e.nr
