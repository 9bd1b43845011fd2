"""What people look at: report, comparison, atlas, export, terminal, W&B."""
