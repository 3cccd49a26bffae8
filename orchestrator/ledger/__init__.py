"""The only memory: appends events, guards transitions, answers questions. The verdict is computed by the database."""
