"""What runs on a compute node, under a learner's Unix account."""
