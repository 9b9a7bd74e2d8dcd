# SPDX-License-Identifier: MIT
"""How many requests an NFS client has sent, from /proc/PID/mountstats."""

# The client sends these by itself, from time to time.
OWN = ("SEQUENCE", "RENEW", "NULL")


def unescape(path):
    """The kernel writes blanks and backslashes as octal numbers."""
    for code, character in ((" ", "040"), ("\t", "011"), ("\n", "012"),
                            ("\\", "134")):
        path = path.replace("\\" + character, code)
    return path


def mounts(text):
    """Yields (mount point, [line of its statistics]) of NFS mounts."""
    point, lines = None, []
    for line in text.splitlines() + ["device end"]:
        if not line.startswith("device "):
            lines.append(line)
            continue
        if point is not None:
            yield point, lines
        point, lines = None, []
        if " mounted on " in line and " with fstype nfs" in line:
            rest = line.split(" mounted on ", 1)[1]
            point = unescape(rest.rsplit(" with fstype nfs", 1)[0])


def requests(text, directory):
    """{operation: count} of the NFS mount that directory is on.

    None if it is on no NFS mount that text speaks of.
    """
    found, its_lines = None, None
    for point, lines in mounts(text):
        inside = (directory + "/").startswith(point.rstrip("/") + "/")
        # A mount covers what was mounted there, or above it, before.
        if inside and (found is None or len(point) >= len(found)):
            found, its_lines = point, lines
    if found is None:
        return None
    counts, begun = {}, False
    for line in its_lines:
        if line.strip() == "per-op statistics":
            begun = True
        elif begun and ": " in line:
            operation, numbers = line.strip().split(": ", 1)
            counts[operation] = int(numbers.split()[0])
    return counts


def difference(after, before):
    """What was sent in between, but for the client's own requests."""
    return {operation: count - before.get(operation, 0)
            for operation, count in after.items()
            if operation not in OWN and count > before.get(operation, 0)}
