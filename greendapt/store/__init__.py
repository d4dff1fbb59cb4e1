"""Run folders: what a run was asked, what it finished, and what that cost."""
