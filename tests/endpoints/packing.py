"""Packing in a process of its own."""

PACK_ELSEWHERE = """
import os, sys
from pathlib import Path
from mlgate import Service
from mlgate_serving.pack import pack
os.umask(0o077)
pack(Path(sys.argv[1]), service=Service.read(Path(sys.argv[2])), version="1", output=Path(sys.argv[3]))
"""
