"""The parts of a campaign's page, each from the same plain values. They say; none of them decides."""
