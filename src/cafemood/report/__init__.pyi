from .report import write_report as write_report
from .tracking import wandb_logger as wandb_logger
