"""What is wrong with `reports:` though each part of it is right: channels that `notify` does not have."""

from config.load import Files
from config.problems import closest, listed


def check_reports(files: Files) -> None:
    """Tell it, into the problems of the files."""
    settings = files.settings
    if settings is None or settings.reports is None or files.main is None:
        return
    known = [] if settings.notify is None else [one.name for one in settings.notify.channels]
    for index, name in enumerate(settings.reports.send):
        if name not in known:
            parameters = {"value": name, "guess": closest(name, known), "known": listed(known)}
            files.problems.append(files.main.problem(("reports", "send", index), "no_channel", parameters))
