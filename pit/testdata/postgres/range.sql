SELECT count(*), min(event) FILTER (WHERE isfinite(event)), max(event) FILTER (WHERE isfinite(event))
FROM (SELECT s."at" AS event FROM visits AS s) AS source
