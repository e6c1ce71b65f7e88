SELECT DISTINCT s.k0 AS "user_id", s.k1 AS "shop_id", s.event AS "seen"
FROM (SELECT s."user" AS k0, CAST(s."shop" AS BIGINT) AS k1, s."at" AS event FROM visits AS s) AS s
WHERE event IS NOT NULL AND k0 IS NOT NULL AND k1 IS NOT NULL AND event <= TIMESTAMP '2024-03-02 00:00:00' AND event >= TIMESTAMP '2024-01-31 00:00:00'
