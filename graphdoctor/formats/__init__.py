"""Model files: what a file is, and how each format is read and written.

``readfile`` gets bytes from disk and puts them back; ``kinds`` tells by content what they are; the other
modules turn one format each into a graph or a graph into it.
"""
