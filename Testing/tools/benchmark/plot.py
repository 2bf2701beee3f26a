"""One picture: seconds of the whole job against slices, and everybody's time on one CT."""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure


def draw(figures: dict, path: Path) -> None:
    jobs = figures["pipeline"]
    if not jobs:
        return
    figure = Figure(figsize=(10, 4), layout="constrained")
    growth, together = figure.subplots(1, 2)
    names = list(dict.fromkeys(job["engine"] for job in jobs))
    colors = dict(zip(names, plt.get_cmap("tab10").colors, strict=False))
    for name in names:
        rows = [job for job in jobs if job["engine"] == name]
        growth.plot([r["slices"] for r in rows], [r["seconds"] for r in rows], "o-", color=colors[name], label=name)
    growth.set(xlabel="slices of 1 mm", ylabel="whole job, warm, s", xlim=(0, None), ylim=(0, None))
    growth.legend(frameon=False)
    sizes = sorted({job["slices"] for job in jobs})
    peers = figures["peers"]
    shown = next(iter(peers.values()))["slices"] if peers else sizes[len(sizes) // 2]
    bars = [(job["engine"], job["seconds"], colors[job["engine"]]) for job in jobs if job["slices"] == shown]
    bars += [(name, peer["seconds"], "0.6") for name, peer in peers.items()]
    together.barh([b[0] for b in bars], [b[1] for b in bars], color=[b[2] for b in bars])
    for i, (_, seconds, _) in enumerate(bars):
        together.text(seconds, i, f" {seconds:.0f} s", va="center")
    together.set(xlabel=f"s, {figures['pixels']} x {figures['pixels']} x {shown}, {figures['machine']['cores']} cores")
    together.invert_yaxis()
    together.margins(x=0.15)
    for axis in (growth, together):
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
