"""Goldberg 1972, "Architectural Principles for Virtual Computer Systems" (thesis, Harvard University).

In our words, and as his abstracts of 1973 restate it: there are two kinds of maps. The phi-map takes the names that a
process uses to the resources of its machine; the operating system sets it and sees it. The f-map takes the resources of
a virtual machine to those of the machine beneath; its monitor sets it, and the virtual machine does not see it. So a
process of a virtual machine addresses resources by phi, then f; and where virtual machines run in virtual machines, by
one f more for each level. A name that phi does not map is an exception of the process, handled in its own virtual
machine; a resource that f does not map is a fault for the monitor of that level.
"""
