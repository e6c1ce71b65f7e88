WITH asof_source AS (
  SELECT * FROM (
    SELECT s."shop"::text::bigint AS k0, s."user" AS k1, s."at"::timestamptz AS event, s."loaded" AS created, s."we""ird" AS f0, s."extra" AS f1
    FROM visits AS s
  ) AS s
  WHERE k0 IS NOT NULL AND k1 IS NOT NULL AND event IS NOT NULL AND event <= timestamptz '2024-01-31 00:00:00+00'
)
SELECT s.k0 AS "shop_id",
  s.k1 AS "user_id",
  s.event AS event_timestamp,
  s.created AS created_timestamp,
  s.f0 AS "visits",
  s.f1::text AS "extra"
FROM (
  SELECT *, row_number() OVER (ORDER BY event DESC, created DESC NULLS LAST, f0 COLLATE "C" DESC NULLS LAST, f1::text COLLATE "C" DESC NULLS LAST) AS place FROM asof_source
) AS s
ORDER BY s.place
LIMIT 10
