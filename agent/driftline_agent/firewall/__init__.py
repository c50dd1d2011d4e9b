"""The packet filter's rules, and the small process that asks the kernel for them.

To see them takes CAP_NET_ADMIN in the host's own network namespace, and whoever has that can change them too. So
neither the agent, which talks to the network, nor the reader, whose namespace is empty, may have it. A third process
has it and nothing else: :mod:`main` serves, :mod:`ask` runs the few fixed programs. It is asked three things, none of
which has any argument, and parses nothing that the agent says.

Of this package only :mod:`client`, :mod:`nft`, :mod:`nftjson`, :mod:`iptables`, :mod:`ipset`, :mod:`managed` and
:mod:`build` belong to the agent.
"""
