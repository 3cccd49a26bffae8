"""What is derived from a verified ``train.log`` alone: the same log gives the same bytes, on any machine."""
