SELECT count(*), min(event), max(event)
FROM (SELECT s."at" AS event FROM visits AS s) AS source
