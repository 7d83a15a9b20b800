"""What all our FIFO queues of work have in common, whether deployed or made for one job."""

from __future__ import annotations

#: Only a guard against a message that kills its worker again and again: attempts are counted elsewhere,
#: and waits, releases and duplicates raise the receive count as well (R6).
MOST_RECEIVES = 100

#: A dead worker's message comes back after this long; a living one extends it in time.
VISIBILITY_SECONDS = 30

#: The longest that SQS lets a receiver wait for a message.
POLL_SECONDS = 20

#: The longest that SQS keeps a message: no request waits longer, and no job lasts longer.
RETENTION_SECONDS = 14 * 24 * 3600
