"""Moves runs through life: place, launch, reconcile, collect, judge. The one room that touches several others."""
