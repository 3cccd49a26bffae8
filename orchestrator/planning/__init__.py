"""A campaign file becomes a deterministic Plan, compared with what is already known. Opens no connection.

``campaign_file`` reads and checks a file and lays it out (``layout``: every run with its identity, twin, reference and
policy); ``lints`` holds the layout against rules of method; ``plan`` adds hosts and what is known already;
``dry_run`` shows the plan and renders the documents of a launch.
"""
