"""Who may do what: the roles of the control room, and what each endpoint asks for. One table; a test walks it.

Roles and actions are those of ISA-18.2 practice and of the separation of duties that GB/T 22239 asks for.
"""

from typing import Literal

Role = Literal["viewer", "operator", "engineer", "admin", "auditor"]
Action = Literal["open", "see", "answer", "shelve", "shelve_urgent", "engineer", "administer", "audit"]

MAY: dict[Role, frozenset[Action]] = {
    "viewer": frozenset({"open", "see"}),
    "operator": frozenset({"open", "see", "answer", "shelve"}),
    "engineer": frozenset({"open", "see", "answer", "shelve", "shelve_urgent", "engineer"}),
    "admin": frozenset({"open", "see", "administer"}),
    "auditor": frozenset({"open", "see", "audit"}),
}
"""open: without anybody; answer: acknowledge, comment, reset; shelve_urgent: also priority 1, out of service."""

ASKS: dict[tuple[str, str], Action] = {
    ("GET", "/healthz"): "open",
    ("GET", "/readyz"): "open",
    ("GET", "/metrics"): "open",
    ("GET", "/api/v1/openapi.json"): "see",
    ("GET", "/api/v1/alarms"): "see",
    ("GET", "/api/v1/events"): "see",
    ("GET", "/api/v1/events/stream"): "see",
    ("GET", "/api/v1/devices"): "see",
    ("GET", "/api/v1/bays"): "see",
    ("GET", "/api/v1/permits"): "see",
    ("GET", "/api/v1/ledger"): "see",
    ("POST", "/api/v1/alarms/{alarm:path}/ack"): "answer",
    ("POST", "/api/v1/alarms/{alarm:path}/reset"): "answer",
}
"""(method, path as the application has it) of every endpoint."""
