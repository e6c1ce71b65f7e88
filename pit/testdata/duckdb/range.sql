SELECT count(*), make_timestamp(((epoch_ns(min(s."at")) + 999) - ((epoch_ns(min(s."at")) + 999) % 1000 + 1000) % 1000) // 1000), make_timestamp(((epoch_ns(max(s."at")) + 999) - ((epoch_ns(max(s."at")) + 999) % 1000 + 1000) % 1000) // 1000)
FROM visits AS s
