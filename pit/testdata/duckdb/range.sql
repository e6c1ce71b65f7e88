SELECT count(*), min(event) FILTER (WHERE isfinite(event)), max(event) FILTER (WHERE isfinite(event))
FROM (SELECT make_timestamp(((epoch_ns(s."at") + 999) - ((epoch_ns(s."at") + 999) % 1000 + 1000) % 1000) // 1000) AS event FROM visits AS s) AS source
