"""`make bench`: Tuma's speed as ratios, each against a baseline that is measured in the same run."""
