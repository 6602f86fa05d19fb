"""The paper's evaluation: its cells, their cache, the campaign that fills it, and the report.

Needs the optional libraries of `pip install "qimlp[train]"`, texts those of `[text]` too.
"""

from typing import TYPE_CHECKING

from qimlp._faces import lazy_face

if TYPE_CHECKING:
    from qimlp.paper.analysis.figure_runs import FigureRuns, KeptRuns, figure_runs
    from qimlp.paper.analysis.files import require_free, write_comparison, write_study
    from qimlp.paper.analysis.options import StudyOptions
    from qimlp.paper.analysis.paper_figures import study_figure_runs
    from qimlp.paper.analysis.run_answers import HOW_TO_READ_MARKS
    from qimlp.paper.analysis.run_comparison import compare_runs
    from qimlp.paper.analysis.runs import RunData, find_runs
    from qimlp.paper.analysis.study import RunStudy, study_run
    from qimlp.paper.campaign.campaign import (
        CampaignEvent,
        CellDone,
        CellProgress,
        Encoding,
        ResultDamaged,
        missing_cells,
        run_campaign,
    )
    from qimlp.paper.campaign.cost import Costs, duration
    from qimlp.paper.campaign.run_cell import Workspace
    from qimlp.paper.campaign.store import Store
    from qimlp.paper.campaign.summary import Summaries, summarize
    from qimlp.paper.cells.cell import Cell, Variant
    from qimlp.paper.cells.variants import select, variants
    from qimlp.paper.report.variant_texts import bias_text, count_text
    from qimlp.paper.report.write import write_report
    from qimlp.sweeps import usable_cores

__all__ = [
    "HOW_TO_READ_MARKS",
    "CampaignEvent",
    "Cell",
    "CellDone",
    "CellProgress",
    "Costs",
    "Encoding",
    "FigureRuns",
    "KeptRuns",
    "ResultDamaged",
    "RunData",
    "RunStudy",
    "Store",
    "StudyOptions",
    "Summaries",
    "Variant",
    "Workspace",
    "bias_text",
    "compare_runs",
    "count_text",
    "duration",
    "figure_runs",
    "find_runs",
    "missing_cells",
    "require_free",
    "run_campaign",
    "select",
    "study_figure_runs",
    "study_run",
    "summarize",
    "usable_cores",
    "variants",
    "write_comparison",
    "write_report",
    "write_study",
]

__getattr__ = lazy_face(
    __name__,
    {
        "analysis.figure_runs": ("FigureRuns", "KeptRuns", "figure_runs"),
        "analysis.files": ("require_free", "write_comparison", "write_study"),
        "analysis.options": ("StudyOptions",),
        "analysis.paper_figures": ("study_figure_runs",),
        "analysis.run_comparison": ("compare_runs",),
        "analysis.runs": ("RunData", "find_runs"),
        "analysis.study": ("RunStudy", "study_run"),
        "analysis.run_answers": ("HOW_TO_READ_MARKS",),
        "campaign.campaign": (
            "CampaignEvent",
            "ResultDamaged",
            "CellDone",
            "CellProgress",
            "Encoding",
            "missing_cells",
            "run_campaign",
        ),
        "campaign.run_cell": ("Workspace",),
        "campaign.store": ("Store",),
        "cells.cell": ("Cell", "Variant"),
        "campaign.cost": ("Costs", "duration"),
        "cells.variants": ("select", "variants"),
        "report.variant_texts": ("bias_text", "count_text"),
        "campaign.summary": ("Summaries", "summarize"),
        "report.write": ("write_report",),
        "qimlp.sweeps": ("usable_cores",),
    },
)
