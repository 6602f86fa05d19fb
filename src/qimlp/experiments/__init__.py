"""The paper's evaluation: its cells, their cache, the campaign that fills it, and the report.

Needs the optional libraries of ``pip install "qimlp[train]"``, texts those of ``[text]`` too.
"""
