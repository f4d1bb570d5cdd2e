"""Stand-ins for outside systems, named by how they fail; the contract tests hold them to the real thing."""
