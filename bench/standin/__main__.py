"""``python -m bench.standin --port N``."""

from bench.standin.server import main

if __name__ == "__main__":
    main()
