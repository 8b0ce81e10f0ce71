"""The environment `local`: everything an environment has, as directories and processes of this machine."""
