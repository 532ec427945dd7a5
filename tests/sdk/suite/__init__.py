"""The published Python SDK against a running local mode.

Run inside a virtual environment that has the SDK: `python -m unittest discover -s suite -t .` here. The modules run in
the order of their names, share the account `aws` that the documented snippets connect, and its cluster.
"""
