"""Modules of an extra that is not installed are not collected for their doctests."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("fakesnow") else ["churnobs/testing/*"]
