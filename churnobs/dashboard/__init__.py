"""The observability app: what the loop decided, what drifted, who is about to leave, what was made of what, what fired.

``reading`` says what a page shows, as frames; ``opening`` holds a database no longer than a reading takes; the pages draw.
"""
