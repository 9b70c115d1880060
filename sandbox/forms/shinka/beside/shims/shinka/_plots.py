"""Pictures that an evaluator makes, as files."""

import os


def save_plots(items, folder):
    """Write each figure as PNG and PDF, each animation as GIF, under its title. Raises what matplotlib raises."""
    from matplotlib.animation import Animation  # noqa: PLC0415 - only evaluators with plots need it

    os.makedirs(folder, exist_ok=True)
    for item, title in items:
        if isinstance(item, Animation):
            item.save(os.path.join(folder, f"{title}.gif"), writer="pillow", fps=30)
        else:
            for suffix in ("png", "pdf"):
                item.savefig(os.path.join(folder, f"{title}.{suffix}"), bbox_inches="tight", dpi=150)
