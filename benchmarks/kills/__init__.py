"""Kills trainings at random moments and resumes them: every one must end as if it had not been."""
