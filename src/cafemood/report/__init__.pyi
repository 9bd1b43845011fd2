from .comparison import compare_runs as compare_runs
from .report import write_report as write_report
from .tracking import wandb_logger as wandb_logger
