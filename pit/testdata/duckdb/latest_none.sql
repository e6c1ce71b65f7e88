WITH asof_source AS NOT MATERIALIZED (
  SELECT * FROM (
    SELECT make_timestamp(epoch_us(s."at")) AS event, s."rain" AS f0
    FROM weather AS s
  ) AS s
  WHERE event IS NOT NULL AND event <= TIMESTAMP '2024-01-31 00:00:00'
)
SELECT s.event AS event_timestamp,
  CAST(NULL AS timestamp) AS created_timestamp,
  s.f0 AS "rain"
FROM (
  SELECT * FROM asof_source
    WHERE event = (SELECT max(event) FROM asof_source)
    ORDER BY f0 DESC NULLS LAST
    LIMIT 1
) AS s
