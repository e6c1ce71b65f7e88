SELECT DISTINCT s.k0 AS "user_id", s.k1 AS "shop_id", s.event AS "seen"
FROM (SELECT s."user" AS k0, s."shop"::text::bigint AS k1, s."at"::timestamptz AS event FROM visits AS s) AS s
WHERE event IS NOT NULL AND k0 IS NOT NULL AND k1 IS NOT NULL AND event <= timestamptz '2024-03-02 00:00:00+00' AND event >= timestamptz '2024-01-31 00:00:00+00'
