WITH asof_source AS (
  SELECT * FROM (
    SELECT CAST(s."shop" AS BIGINT) AS k0, s."user" AS k1, s."at" AS event, make_timestamp(((epoch_ns(s."loaded") + 999) - ((epoch_ns(s."loaded") + 999) % 1000 + 1000) % 1000) // 1000) AS created, s."we""ird" AS f0, s."extra" AS f1
    FROM visits AS s
  ) AS s
  WHERE k0 IS NOT NULL AND k1 IS NOT NULL AND event IS NOT NULL AND event >= TIMESTAMP '2024-01-31 00:00:00' AND event <= TIMESTAMP '2024-01-31 00:00:00' AND (k0, k1) IN (SELECT k0, k1 FROM asof_wanted)
)
SELECT s.k0,
  s.k1,
  s.event,
  s.created,
  s.f0 AS v0,
  s.f1 AS v1
FROM (
  SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY k0, k1, event, created ORDER BY created DESC NULLS LAST, f0 DESC NULLS LAST, f1 DESC NULLS LAST) AS place
    FROM asof_source
  ) AS s
  WHERE place = 1
) AS s
