"""Who does the stages of a run: this process, processes of this machine, or jobs of a Slurm."""
