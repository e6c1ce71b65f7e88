WITH asof_source AS (
  SELECT * FROM (
    SELECT s."at" AS event, s."rain" AS f0
    FROM weather AS s
  ) AS s
  WHERE event IS NOT NULL
)
SELECT s.event,
  s.f0::text AS v0
FROM (
  SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY event ORDER BY f0 DESC NULLS LAST) AS place
    FROM asof_source
  ) AS s
  WHERE place = 1
) AS s
