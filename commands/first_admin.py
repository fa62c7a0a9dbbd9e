"""The first start with a console: somebody has to make the others."""

import logging
import sqlite3
import sys

from feed import people_passwords
from feed.desk import Doer
from feed.people import People, Person

log = logging.getLogger(__name__)


def make(people: People) -> None:
    """Make `admin` where there is nobody, and tell his one-time password where a person sees it, and no journal."""
    if people.people:
        return
    password = people_passwords.one_time()
    kept = people_passwords.hashed(password)
    try:
        admin = Person(user="admin", name="管理员", role="admin", password=kept, must_change=True)
        people.add(admin, Doer(who="", via="start"))
    except sqlite3.Error as error:
        log.error("http.console: no administrator was made (%s): make room on the disk, start again", error)  # noqa: TRY400
        return
    if sys.stderr.isatty():
        print(  # noqa: T201 - not into the log, which others read
            f"\n  控制台首次启动：用户 admin，一次性密码 {password}（登录后须更改，不再显示）"
            f"\n  First start of the console: user admin, one-time password {password} (change it)\n",
            file=sys.stderr,
            flush=True,
        )
    else:
        log.warning("http.console: nobody can log in yet; `cityward people reset admin` prints a one-time password")
