"""The command line as `python -m neurofit`: of this very Python, whatever `neurofit` on the path belongs to."""

from neurofit.cli import main

if __name__ == "__main__":
    main()
