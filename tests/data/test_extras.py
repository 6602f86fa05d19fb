import pytest

from qimlp.data.extras import import_extra


def test_returns_the_module():
    assert import_extra("json.decoder").JSONDecoder is not None


def test_missing_package_names_the_extra():
    with pytest.raises(ImportError, match=r'needs no_such_package.*pip install "qimlp\[train\]"'):
        import_extra("no_such_package.part")
