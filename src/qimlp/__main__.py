"""`python -m qimlp`: the command line."""

from qimlp.cli import main

if __name__ == "__main__":
    main()
