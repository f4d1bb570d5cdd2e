"""The pages of courses: access, service, respond."""
