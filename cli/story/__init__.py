"""The machine path as a story: real processes, real requests, each outcome compared with what must happen."""
