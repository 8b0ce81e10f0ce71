"""The AWS platform's speed and proof: a module for each part."""
