"""The one place that talks to Dapr: secrets, state, events, and the HTTP transport through the sidecar."""
