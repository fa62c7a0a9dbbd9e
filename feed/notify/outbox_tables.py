"""The tables of the outbox in the desk."""

URGENT = "(json_extract(notice, '$.kind') = 'alarm' AND json_extract(notice, '$.priority') = 1)"
"""Whether a row is `Row.urgent`; it stands in the index as it stands in the questions."""

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS notify_facts (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notify_rows (
    id       INTEGER PRIMARY KEY,
    key      TEXT NOT NULL UNIQUE,       -- the same notice is put in once
    alarm    TEXT NOT NULL,              -- "" = of no alarm
    step     INTEGER NOT NULL,           -- of the ladder
    channel  TEXT NOT NULL,
    language TEXT NOT NULL,
    due_ms   INTEGER NOT NULL,           -- civil time
    wait_ms  INTEGER NOT NULL,
    people   TEXT NOT NULL,              -- JSON
    why      TEXT NOT NULL,
    notice   TEXT NOT NULL,              -- JSON
    state    TEXT NOT NULL,              -- waiting, taken, sent, refused, cancelled, moved, expired
    message  TEXT,                       -- that it went with
    done_ms  INTEGER,
    detail   TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS notify_first ON notify_rows (channel, {URGENT}, due_ms) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS notify_undone ON notify_rows (channel, due_ms) WHERE state IN ('waiting', 'taken');
CREATE INDEX IF NOT EXISTS notify_done ON notify_rows (done_ms) WHERE done_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS notify_of_alarm ON notify_rows (alarm, id);
CREATE INDEX IF NOT EXISTS notify_of_message ON notify_rows (message);
CREATE TABLE IF NOT EXISTS notify_messages (
    id       TEXT PRIMARY KEY,
    channel  TEXT NOT NULL,
    urgent   INTEGER NOT NULL,
    body     TEXT NOT NULL,              -- JSON, as it was sent last, without the mark
    state    TEXT NOT NULL,              -- open, sent, refused, cancelled, expired
    tries    INTEGER NOT NULL,
    trying   INTEGER NOT NULL,           -- an attempt is being made
    maybe    INTEGER NOT NULL,           -- it may have arrived
    repeated INTEGER NOT NULL,           -- it was sent again with the mark
    made_ms  INTEGER NOT NULL,
    done_ms  INTEGER,
    detail   TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS notify_open ON notify_messages (channel) WHERE state = 'open';
CREATE TABLE IF NOT EXISTS notify_tokens (
    number   INTEGER PRIMARY KEY,
    receiver TEXT NOT NULL,              -- the robot or account, by a hash
    at_ms    INTEGER NOT NULL,           -- steady time: the last moment at which it may have arrived
    urgent   INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS notify_asked (key TEXT PRIMARY KEY, channel TEXT NOT NULL, user TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS notify_channels (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
