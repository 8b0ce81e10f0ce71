"""The main job's speed, size and losses: a module for each part."""
