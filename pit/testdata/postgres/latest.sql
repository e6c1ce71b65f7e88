WITH asof_source AS NOT MATERIALIZED (
  SELECT * FROM (
    SELECT s."shop"::text::bigint AS k0, s."user" AS k1, s."at"::timestamptz AS event, s."loaded" AS created, s."we""ird" AS f0, s."extra" AS f1
    FROM visits AS s
  ) AS s
  WHERE k0 IS NOT NULL AND k1 IS NOT NULL AND event IS NOT NULL AND event >= timestamptz '2024-01-31 00:00:00+00' AND event <= timestamptz '2024-03-02 00:00:00+00'
)
SELECT s.k0 AS "shop_id",
  s.k1 AS "user_id",
  s.event AS event_timestamp,
  s.created AS created_timestamp,
  s.f0 AS "visits",
  s.f1::text AS "extra"
FROM (
  SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY k0, k1 ORDER BY created DESC NULLS LAST, f0 COLLATE "C" DESC NULLS LAST, f1::text COLLATE "C" DESC NULLS LAST) AS place
    FROM asof_source
    WHERE (k0, k1, event) IN (SELECT k0, k1, max(event) FROM asof_source GROUP BY k0, k1)
  ) AS s
  WHERE place = 1
) AS s
