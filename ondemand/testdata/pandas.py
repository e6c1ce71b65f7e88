def template(inputs: pd.DataFrame) -> pd.DataFrame:
    df = pd.DataFrame()
    df["plus"] = inputs["f"] + inputs["i"]
    df["twice"] = inputs["f"] + inputs["g"]
    return df


def arithmetic(df):
    return pd.DataFrame({
        "a": df["i"] + df["k"], "b": df["i"] - df["big"], "c": df["big"] * df["i"], "d": df["i"] / df["k"],
        "e": df["j"] + df["i"], "g": df["j"] * 2 - 1, "h": df["f"] * df["g"], "k": df["f"] / df["g"], "l": -df["f"], "m": -df["i"],
        "n": df["i"] // 7, "o": df["i"] % 7, "p": df["i"] // -3, "q": df["i"] % -3, "r": df["f"] // 2.5, "s": df["f"] % 2.5,
        "t": df["f"] // df["g"], "u": df["f"] % df["g"], "v": df["f"] ** 2, "w": df["i"] ** 2, "x": 2 * df["f"] + 1, "y": 10 - df["i"],
        "z": 1 / df["f"], "aa": 7 // df["h"], "ab": df["b"] + df["c"], "ac": df["b"] * df["i"], "ad": df["b"] + 1.5, "ae": df["f"] ** 0.5,
        "af": 100 / df["i"], "ag": df["j"] / df["i"], "ah": df["i"] / 0, "ai": df["f"] - True, "aj": +df["f"],
    })


def divided_by_columns(df):
    return pd.DataFrame({"a": df["i"] // df["k"], "b": df["i"] % df["k"], "c": df["j"].fillna(0) // 3, "d": df["f"] // df["k"]})


def comparisons(df):
    return pd.DataFrame({
        "a": df["i"] > df["k"], "b": df["f"] >= df["g"], "c": df["i"] == df["j"], "d": df["i"] != df["j"], "e": df["f"] < 0,
        "g": df["s"] == "abc", "h": df["s"] != "abc", "i": df["t"] > df["w"], "j": df["t"] == df["w"], "k": df["b"] == df["c"], "l": 3 <= df["i"],
        "m": df["i"] < df["f"], "n": df["f"].between(-1, 1), "o": df["i"].between(0, 5, inclusive="left"), "p": df["i"].isin([1, 2, 3]),
        "q": df["s"].isin(["abc", "é"]), "r": df["f"].eq(df["g"]), "s": df["f"].ge(0), "t": df["big"] > 9007199254740993,
    })


def booleans(df):
    x, y = df["i"] > 0, df["f"] > 0
    return pd.DataFrame({"a": x & y, "b": x | y, "c": x ^ y, "d": ~x, "e": x & ~y | df["b"], "g": df["i"] & 3, "h": df["i"] | df["k"],
                         "k": ~df["i"], "l": df["b"] & df["c"], "m": (x & y).astype(int)})


def missing(df):
    return pd.DataFrame({
        "a": df["f"].isna(), "b": df["j"].notna(), "c": df["s"].isnull(), "d": df["f"].fillna(0), "e": df["j"].fillna(-1),
        "g": df["j"].fillna(0.5), "h": df["f"].fillna(df["h"]), "i": df["s"].fillna("none"), "k": pd.isna(df["t"]),
        "l": df["f"].fillna(0).astype(int) if False else df["i"], "m": df["j"].fillna(0).astype(int), "n": df["f"].combine_first(df["h"]),
        "o": pd.notnull(df["f"]).astype(int),
    })


def conditions(df):
    return pd.DataFrame({
        "a": df["f"].where(df["i"] > 0), "b": df["f"].where(df["i"] > 0, 0), "c": df["i"].where(df["f"] > 0, -1), "d": df["f"].mask(df["f"] < 0, 0),
        "e": df["f"].clip(-1, 1), "g": df["i"].clip(lower=0), "h": df["i"].clip(upper=df["k"]), "i": np.where(df["i"] > 0, df["f"], df["g"]),
        "k": np.where(df["f"] > 0, 1, 0), "l": np.where(df["b"], "yes", "no"), "m": np.where(df["i"] > 0, 1, 0.5),
        "n": np.select([df["i"] > 5, df["i"] > 0], [2, 1], default=0), "o": np.maximum(df["f"], df["g"]), "p": np.minimum(df["i"], 3),
        "q": np.maximum(df["i"], 0) / 2, "r": np.fmax(df["f"], df["g"]), "s": np.where(df["f"].isna(), 0.0, df["f"]),
        "t": np.clip(df["f"], 0, 2), "u": df["f"].clip(lower=0, upper=df["h"].abs()),
    })


def numbers(df):
    return pd.DataFrame({
        "a": df["f"].abs(), "b": df["i"].abs(), "c": df["f"].round(), "d": df["f"].round(2), "e": df["h"].round(-1), "g": np.floor(df["f"]),
        "h": np.ceil(df["f"]), "i": np.sqrt(df["h"]), "k": np.sign(df["f"]), "l": np.sign(df["i"]), "m": np.isnan(df["f"]), "n": np.isinf(df["f"]),
        "o": np.isfinite(df["f"]), "p": np.abs(df["i"]), "q": np.square(df["f"]), "r": np.trunc(df["f"]), "s": np.round(df["f"], 1), "t": np.rint(df["f"]),
        "u": np.square(df["i"]), "v": np.power(df["i"], 3), "w": np.add(df["f"], 1), "x": np.radians(df["h"]),
    })


def functions(df):
    return pd.DataFrame({
        "near_a": np.log(df["h"]), "near_b": np.log1p(df["h"]), "near_c": np.exp(df["f"]), "near_d": np.sin(df["h"]), "near_e": np.cos(df["h"]),
        "near_g": np.tanh(df["f"]), "near_h": np.log10(df["h"]), "near_i": df["h"] ** 1.5, "near_k": np.arctan2(df["f"], df["h"]), "near_l": np.log2(df["h"]),
        "near_m": np.expm1(df["f"]), "near_n": np.hypot(df["f"], df["h"]),
    })


def types(df):
    return pd.DataFrame({
        "a": df["h"].astype(int), "b": df["i"].astype(float), "c": df["i"].astype(str), "d": df["b"].astype(int), "e": df["f"].astype(str),
        "g": df["f"].astype("float32"), "h": df["f"].astype("float32") * df["h"].astype("float32"), "i": df["f"].astype("float32") * 1.1,
        "k": df["f"].astype("float32") + df["h"], "l": df["f"].astype(bool), "m": df["b"].astype(str), "n": df["i"].astype("int64"), "o": df["i"].astype("float64") / 3,
        "p": df["i"].astype(bool), "q": df["big"].astype(float), "r": df["s"].astype(str), "s": df["h"].astype("float32").astype("float64"),
        "t": pd.to_numeric(df["i"].astype(str)), "u": df["big"].astype("int32"),
    })


def texts(df):
    s = df["s"]
    return pd.DataFrame({
        "a": s.str.lower(), "b": s.str.upper(), "c": s.str.strip(), "d": s.str.len(), "e": s.str.contains("b"), "g": s.str.contains("^a.*c$"),
        "h": s.str.startswith("a"), "i": s.str.endswith("c"), "k": s.str.replace("b", "XX"), "l": s.str[0], "m": s.str[-1], "n": s.str.slice(1, 3),
        "o": s.fillna("") + "!", "p": s.str.contains("B", case=False, na=False), "q": s.str.zfill(5), "r": s.str.cat(df["i"].astype(str), sep="-"),
        "s": s.str.lstrip("a"), "t": s.str.rstrip(), "u": s.str.get(1), "v": s.str.isdigit(), "w": s.str.replace("[ab]+", "_", regex=True),
        "x": s.str.contains(".", regex=False, na=True), "y": s.fillna("x").str.len() * 2, "z": s.map({"abc": 1, "é": 2}), "aa": s.replace({"abc": "xyz"}),
        "ab": s.str.removeprefix("a"),
    })


def times(df):
    t = df["t"]
    return pd.DataFrame({
        "a": t.dt.year, "b": t.dt.month, "c": t.dt.day, "d": t.dt.hour, "e": t.dt.dayofweek, "g": (df["w"] - t).dt.total_seconds(), "h": (df["w"] - t).dt.days,
        "i": t + pd.Timedelta(days=1), "k": t - pd.Timedelta(hours=2), "l": t.dt.minute, "m": t.dt.second, "n": t.dt.quarter, "o": t.dt.dayofyear, "p": t.dt.weekday,
        "q": t.dt.normalize(), "r": t.dt.floor("h"), "s": (df["w"] - t).dt.seconds, "t": t > pd.Timestamp("2024-01-01", tz="UTC"), "u": t.dt.is_month_start,
        "near_v": (df["w"] - t) / pd.Timedelta(days=1), "w": t.dt.microsecond, "x": pd.to_datetime(df["i"].abs(), unit="s", utc=True), "y": t.dt.is_month_end,
        "z": (df["w"] - t) > pd.Timedelta(hours=1), "aa": (t.dt.dayofweek >= 5).astype(int),
    })


def maps(df):
    return pd.DataFrame({
        "a": df["i"].map({1: 10, 2: 20}), "b": df["s"].map({"abc": "x"}), "c": df["i"].apply(lambda x: x * 2 + 1), "d": df["f"].apply(lambda x: 0.0 if pd.isna(x) else x),
        "e": df["i"].map(lambda x: "big" if x > 2 else "small"), "g": df.apply(lambda row: row["i"] + row["k"], axis=1), "h": [x + 1 for x in df["i"]],
        "i": df["i"].replace({1: 100}), "k": df["i"].replace(2, -2), "l": df["b"].map({True: 1, False: 0}),
        "m": [a if a > b else b for a, b in zip(df["i"], df["k"])],
    })


def frames(df):
    out = df[["i", "f"]].copy()
    out["twice"] = out["i"] * 2
    out["one"] = 1
    out["text"] = "t"
    out.loc[out["i"] > 2, "one"] = 5
    out["twice"] += 1
    out = out.rename(columns={"f": "renamed"}).assign(sum=df["i"] + df["k"], later=lambda x: x["twice"] - 1)
    out["total"] = df[["i", "k"]].sum(axis=1)
    out["mean"] = df[["f", "h"]].mean(axis=1)
    out["most"] = df[["i", "k"]].max(axis=1)
    out["least"] = df[["f", "h"]].min(axis=1)
    out = out.drop(columns=["i"])
    out["n"] = [0.5] * len(df)
    return out.fillna(0)


def helpers(df):
    import numpy as numbers

    def ratio(a, b):
        return numbers.where(b == 0, 0.0, a / b.where(b != 0, 1))

    out = pd.DataFrame(index=df.index)
    for name in ["i", "k"]:
        out[f"ratio_{name}"] = ratio(df["h"], df[name])
    limits = {"low": 0, "high": 10}
    for key, limit in limits.items():
        out[key] = (df["i"] > limit).astype(int)
    return out
