"""Entry of both processes: `python <this folder>` runs a job, `python <this folder> execute ...` its function."""

import sys

if len(sys.argv) > 1 and sys.argv[1] == "execute":
    from ondemand_runner.execute import main
else:
    from ondemand_runner.job import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[2:]))
