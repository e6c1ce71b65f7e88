"""What SciPy and NumPy say, for statistics_test.go: python reference.py > reference.json (SciPy 1.17.1, NumPy 2.4.6)."""
import json, sys
import numpy as np
from scipy import special, stats
from scipy.spatial import distance

rng = np.random.default_rng(7)
LEVELS = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
samples = {"normal": rng.normal(5, 2, 301), "lognormal": rng.lognormal(0, 2, 500), "counts": rng.poisson(3, 200).astype(float),
           "one": np.array([4.25]), "two": np.array([1.0, 2.0]), "far from 0": rng.normal(1e9, 1, 400)}
columns = [{"name": n, "values": v.tolist(), "mean": v.mean(), "stddev": v.std(ddof=1) if len(v) > 1 else None,
            "levels": LEVELS, "quantiles": np.quantile(v, LEVELS).tolist()} for n, v in samples.items()]
pairs = []
for n, (e, a) in {"alike": ([100, 200, 300], [11, 19, 31]), "moved": ([10, 20, 30, 40], [40, 30, 20, 10]), "a bin that emptied": ([5, 0, 7, 8], [0, 9, 7, 1]),
                  "apart": ([10, 0], [0, 10]), "the same": ([3, 4, 5], [3, 4, 5]), "many": (rng.poisson(50, 60).tolist(), rng.poisson(53, 60).tolist()),
                  "large": ([100000, 200000, 300000], [100500, 199000, 300500])}.items():
    keep = [i for i in range(len(e)) if e[i] + a[i]]
    chi = stats.chi2_contingency([[e[i] for i in keep], [a[i] for i in keep]], correction=False)
    ks = stats.ks_2samp(np.repeat(np.arange(len(e)), e), np.repeat(np.arange(len(a)), a), method="asymp")
    p, q = np.array(e) / sum(e), np.array(a) / sum(a)
    floored = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    pairs.append({"name": n, "expected": e, "actual": a, "chi_square": chi.statistic, "chi_square_p": chi.pvalue, "ks": ks.statistic,
                  "ks_p": special.kolmogorov(np.sqrt(sum(e) * sum(a) / (sum(e) + sum(a))) * ks.statistic),
                  "jensen_shannon": distance.jensenshannon(e, a, base=2) ** 2, "psi": float(np.sum((floored[1] - floored[0]) * np.log(floored[1] / floored[0])))})
json.dump({"columns": columns, "pairs": pairs}, sys.stdout, default=float, separators=(",", ":"))
