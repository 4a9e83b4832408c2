"""Training: one loop, losses, checkpoints, cards, and one recipe a family."""
