def lists(inputs):
    return {
        "a": [x + y for x, y in zip(inputs["i"], inputs["k"])],
        "b": [None if x is None else x * 2.5 for x in inputs["f"]],
        "c": [x or 0 for x in inputs["j"]],
        "d": [(s or "").upper() for s in inputs["s"]],
        "e": [len(s) if s is not None else None for s in inputs["s"]],
        "g": [x // 3 for x in inputs["i"]],
        "h": [x % -3 for x in inputs["i"]],
        "k": [x / 7 for x in inputs["big"]],
        "l": [x > 2 and y for x, y in zip(inputs["i"], inputs["b"])],
        "m": [t.year if t is not None else None for t in inputs["t"]],
    }


def loops(inputs):
    total, labels = [], []
    for i in range(len(inputs["i"])):
        x, y = inputs["i"][i], inputs["f"][i]
        value = 0.0
        if x > 0 and y is not None:
            value = x * y
        elif x < 0:
            value = -1.5
        total.append(value)
        count = 0
        while count < 3 and count < x:
            count += 1
        labels.append(f"{x}-{count}")
    return {"total": total, "labels": labels}


def one(inputs):
    out = {}
    i, f, s = inputs["i"], inputs["f"], inputs["s"]
    out["a"] = i + inputs["k"]
    out["b"] = -1.0 if f is None else abs(f)
    out["c"] = s.lower().strip() if s else "none"
    out["d"] = {1: "one", 2: "two"}.get(i, "many")
    out["e"] = max(i, inputs["k"], 0)
    out["g"] = round(inputs["h"], 2)
    out["h"] = int(inputs["h"])
    out["k"] = str(i) + "!" * 2
    out["l"] = "é" in (s or "")
    out["m"] = sum(x for x in [i, 1, 2] if x > 0)
    out["n"] = i ** 2 if i else None
    out["o"] = bool(i)
    out["p"] = min(inputs["h"], 10)
    return out
