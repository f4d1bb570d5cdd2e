"""The hub of one factory: its configuration, its spawners, and what a learner's server runs."""
