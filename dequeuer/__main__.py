"""``python -m dequeuer``."""

from dequeuer.main import main

if __name__ == "__main__":
    main()
