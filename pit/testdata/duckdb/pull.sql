WITH asof_source AS (
  SELECT * FROM (
    SELECT s."user_id" AS k0, CAST(s."as_of" AS TIMESTAMP) AS event, s."monthly_fee" AS f0, s."months" AS f1
    FROM (SELECT * FROM profiles) AS s
  ) AS s
  WHERE k0 IS NOT NULL AND event IS NOT NULL AND event <= TIMESTAMP '2024-01-31 00:00:00'
)
SELECT s.k0,
  s.event,
  s.f0 AS v0
FROM asof_source AS s
