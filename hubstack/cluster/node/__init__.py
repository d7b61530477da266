"""A local cluster of one real node: real kubelet and containers in private namespaces, so that people can log in.

One process holds all of it in namespaces of its own (mount, pid, net, uts, ipc); when that process ends, everything in
them ends. Nothing stays mounted or running on the machine. Needs Linux and root.
"""
