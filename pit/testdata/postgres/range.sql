SELECT count(*), min(s."at"), max(s."at")
FROM visits AS s
