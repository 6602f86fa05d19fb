import subprocess
import sys

OPTIONAL = ["PIL", "datasets", "narwhals", "pandas", "polars", "pyarrow", "sklearn"]


def test_importing_data_imports_no_optional_package():
    code = f"import sys, qimlp.data; print([m for m in {OPTIONAL} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
