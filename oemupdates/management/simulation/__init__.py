"""A fleet of nodes that behave as Flatcar's stock client does, for demos, journeys and loads.

What a node does (`stock`, `others`) is pure: it yields steps and is told their outcomes. Only
`driver` and `client` know sockets and clocks, so a journey can drive the same nodes step by step.
"""
