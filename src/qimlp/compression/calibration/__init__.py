"""What calibration data tell of a model: the order of its layers, and the inputs of each."""

from qimlp.compression.calibration.explore import explore
from qimlp.compression.calibration.plan import Plan, Stage
from qimlp.compression.calibration.source import Source
from qimlp.compression.calibration.undisturbed import answering_as, undisturbed
from qimlp.compression.calibration.walk import Walk

__all__ = ["Plan", "Source", "Stage", "Walk", "answering_as", "explore", "undisturbed"]
