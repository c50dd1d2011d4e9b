"""Which agent takes which of the devices that are handed out: evenly, by count. Pure."""

from collections.abc import Collection, Mapping, Sequence


def takes(mine: int, free: Sequence[Collection[int]], held: Mapping[int, int]) -> list[int]:
    """Return which of some free devices an agent takes: those that it has the fewest for of all who may.

    :param mine: the agent.
    :param free: for each device, the agents that may have it.
    :param held: how many each of the agents holds.
    :return: places in `free`.
    """
    count = dict(held)
    found: list[int] = []
    for place, agents in enumerate(free):
        if not agents:
            continue
        best = min(agents, key=lambda agent: (count.get(agent, 0), agent))
        count[best] = count.get(best, 0) + 1
        if best == mine:
            found.append(place)
    return found


def gives_back(mine: int, own: Sequence[Collection[int]], held: Mapping[int, int]) -> list[int]:
    """Return which of its devices an agent gives up, because others have clearly fewer.

    :param own: for each device that it holds, the agents that may have it.
    :param held: how many each of the agents holds; those that take devices and hold none are in it, too.
    :return: places in `own`.
    """
    fair = -(-sum(held.values()) // max(1, len(held)))
    count = dict(held)
    surplus = count.get(mine, 0) - fair
    if surplus <= fair // 10:  # a few more or less are not worth a device's new epoch
        return []
    found: list[int] = []
    for place in reversed(range(len(own))):
        others = [agent for agent in own[place] if agent != mine and count.get(agent, 0) < fair]
        if len(found) < surplus and others:
            best = min(others, key=lambda agent: (count.get(agent, 0), agent))
            count[best] = count.get(best, 0) + 1
            found.append(place)
    return found
