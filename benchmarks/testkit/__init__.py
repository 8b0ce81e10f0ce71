"""The testkit's speed and size: a module for each part."""
