"""Runs one operator of a flow in its pod.

    job.py       the process that talks to the control plane: fetch, prepare, run, upload, report
      client.py        HTTP with retries
      workspace.py     folders of the job, safe unpacking, input and output files
      requirements.py  a virtual environment per distinct set of requirements
      process.py       child processes: their output, their time limit, their end
    execute.py   the child process, in the user's environment, that calls the function and nothing else
      operators.py     from a package or source text to something that can be called
      verdict.py       does the returned value fit what the operator promised?
      values.py        Python values <-> artifact bytes
      pickles.py       the part of that which needs pickle
    outcome.py   what both know about failures

The child holds no token and no URL: it reads and writes files of the workspace only.
The standard library is all there is, Python 3.8 to 3.12.
"""
