"""`python -m auth_server`."""

from auth_server.app import main

if __name__ == "__main__":
    main()
