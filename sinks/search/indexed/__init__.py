"""What the index of a sink tells a search: what of a file is worth reading, severities, and counts.

It changes no answer but the severities, which are the published ones where a row tells them. Everything here may find
an index that is damaged or void, and then all bytes are read.
"""
