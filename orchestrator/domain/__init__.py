"""What is true of runs, budgets, evidence and verdicts. Standard library only; no clock, files or network."""
