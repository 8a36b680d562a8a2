"""The policy lab: worlds x policies x seeds, each measured against the truth."""
