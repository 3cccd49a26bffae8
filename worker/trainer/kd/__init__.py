"""Logits distillation: the loss, its control, and the teacher."""
