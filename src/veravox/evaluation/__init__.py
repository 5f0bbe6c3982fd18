"""How well a detector does on labelled recordings: metrics, protocol runner, plots, report."""
