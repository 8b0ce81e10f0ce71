"""Pure functions of arrays: no files, no clock, no state. Each names its theorem and has a published false-alarm test."""
