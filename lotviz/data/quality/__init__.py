"""What is wrong with a cohort, or worth knowing, before anything is computed."""
