"""The monthly loop: plan (pure), policy (pure), run (effects), journal, report."""
