"""A trained network as one web page that needs no network: what is typed or drawn is answered."""

from qimlp.export.html.page import to_html

__all__ = ["to_html"]
