"""What the layer costs on this machine, against `nn.Linear` and against the machine's floor.

Shared by ``qimlp bench`` and the programs under ``benchmarks/``; needs torch alone.
"""
