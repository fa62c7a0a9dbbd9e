"""Everything that the endpoints need, in one place."""

from msgspec import Struct

from feed.behind import Behind
from feed.desk import Desk
from feed.handovers import Handovers
from feed.http.auditor import Auditor
from feed.http.knowing import Knowing
from feed.http.passwords import Passwords
from feed.http.written import DeskThread
from feed.hub import Hub
from feed.people import People


class Gateway(Struct, frozen=True, kw_only=True):
    """What stands behind the endpoints.

    written  makes a change of the desk; looked: reads it
    """

    hub: Hub
    desk: Desk
    behind: Behind
    people: People
    passwords: Passwords
    knowing: Knowing
    auditor: Auditor
    handovers: Handovers
    written: DeskThread
    looked: DeskThread
