"""Build the site into ``docs/_build`` and serve it on this machine."""

import argparse
import http.server
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sphinx.cmd.build import main as sphinx_build

from docs._site.links import broken

DOCS = Path(__file__).parent
BUILT = DOCS / '_build'
EPILOG = """
Pages with code are run while the site is built; what has not changed since is taken from a cache in
docs/_build. A warning is an error, and so is a link within the site that leads nowhere. Needs: pip install -e ".[docs]"
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog='python -m docs', description=__doc__, epilog=EPILOG)
    parser.add_argument('--build-only', action='store_true', help='do not serve the site')
    parser.add_argument(
        '--links', action='store_true', help='ask for the addresses that pages link to, which needs a network, instead of writing pages'
    )
    parser.add_argument('--clean', action='store_true', help='take nothing from earlier builds')
    parser.add_argument('--port', type=int, default=8000, help='port to serve on (default 8000)')
    options = parser.parse_args(argv)
    status = build('linkcheck' if options.links else 'html', fresh=options.clean)
    if status == 0 and not (options.build_only or options.links):
        serve(options.port)
    return status


def build(builder: str, fresh: bool = False) -> int:
    """Run Sphinx with warnings as errors, and check links within the site; returns the exit status."""
    arguments = ['-b', builder, '-W', '--keep-going', '-j', 'auto', '-d', str(BUILT / 'doctrees'), str(DOCS), str(BUILT / builder)]
    status = sphinx_build((['-E', '-a'] if fresh else []) + arguments)
    faults = broken(BUILT / builder) if builder == 'html' and status == 0 else []
    for fault in faults:
        print(fault)
    return 1 if faults else status


def serve(port: int) -> None:
    """Show what is built at http://localhost:PORT until it is interrupted."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=BUILT / 'html')
    with http.server.ThreadingHTTPServer(('localhost', port), handler) as server:
        print(f'http://localhost:{server.server_port}/ - Ctrl-C ends it')
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == '__main__':
    sys.exit(main())
