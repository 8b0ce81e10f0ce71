"""Run by the pack's own environment, isolated: PACKAGES is its folder, NAME=FOLDER the packages of ours that it takes from elsewhere."""

import sys
from importlib.util import module_from_spec, spec_from_file_location

_, packages, *places = sys.argv
sys.path.append(packages)
for place in places:
    name, _, folder = place.partition("=")
    spec = spec_from_file_location(name, f"{folder}/__init__.py", submodule_search_locations=[folder])
    assert spec
    assert spec.loader
    sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])

from mlgate_policies.serve import main  # noqa: E402 - found there from here on

main()
