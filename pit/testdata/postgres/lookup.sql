SELECT m0.f0::text AS "profile__fee",
  CASE WHEN m1.event >= e.at - interval '129600000000 microseconds' THEN m1.f0 END AS "visits",
  CASE WHEN m1.event >= e.at - interval '129600000000 microseconds' THEN m1.f1 END::text AS "extra",
  m2.f0::text AS "rain"
FROM (SELECT * FROM asof_entities ORDER BY k0, k1, at) AS e
LEFT JOIN LATERAL (
  SELECT s."as_of"::timestamptz AS event, s."monthly_fee" AS f0, s."months" AS f1 FROM (SELECT * FROM profiles) AS s WHERE s."user_id" = e.k0 AND s."as_of" <= e.at AT TIME ZONE 'UTC' ORDER BY s."as_of" DESC LIMIT 1
) AS m0 ON true
LEFT JOIN LATERAL (
  SELECT * FROM (
    SELECT s."at"::timestamptz AS event, s."loaded" AS created, s."we""ird" AS f0, s."extra" AS f1 FROM visits AS s
    WHERE s."shop"::text::bigint = e.k1 AND s."user" = e.k0 AND s."loaded" <= e.at AND s."at" = (SELECT s."at" FROM visits AS s WHERE s."shop"::text::bigint = e.k1 AND s."user" = e.k0 AND s."loaded" <= e.at AND s."at" <= e.at AT TIME ZONE 'UTC' ORDER BY s."at" DESC LIMIT 1)
  ) AS s ORDER BY created DESC NULLS LAST, f0 COLLATE "C" DESC NULLS LAST, f1::text COLLATE "C" DESC NULLS LAST LIMIT 1
) AS m1 ON true
LEFT JOIN LATERAL (
  SELECT * FROM (
    SELECT s."at" AS event, s."rain" AS f0 FROM weather AS s
    WHERE s."at" = (SELECT s."at" FROM weather AS s WHERE s."at" <= e.at ORDER BY s."at" DESC LIMIT 1)
  ) AS s ORDER BY f0 DESC NULLS LAST LIMIT 1
) AS m2 ON true
ORDER BY e.nr
