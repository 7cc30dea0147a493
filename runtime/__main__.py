"""The Python side of pyrunc: run by the executable, never imported.

The executable calls ``python -I -S -B -X utf8 -X pyrunc=/path/of/pyrunc <this file> ARGV...``:
sys.path then holds the standard library and nothing else, whatever the environment, the
working directory or the user's home may suggest. Short, because it is compiled every time.
"""

import sys

if __name__ == "__main__":
    site = __file__.rpartition("/")[0].rpartition("/")[0]
    # Appended, so that nothing there can take the place of a standard module.
    sys.path.append(site)
    try:
        from runtime.launch import main
    except ImportError as error:
        sys.exit(f"pyrunc: parts of the installation are missing: {error}")
    main(site)
