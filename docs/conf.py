"""Settings of Sphinx."""

import importlib.util
import os
import sys
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent

# Pages run in kernels of their own, which import the package and models/ from this checkout.
sys.path.insert(0, str(ROOT))
os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get('PYTHONPATH')]))
os.environ['MATPLOTLIBRC'] = str(DOCS / 'matplotlibrc')
os.environ['JAX_PLATFORMS'] = 'cpu'
os.environ.pop('MPLBACKEND', None)  # a kernel then shows figures in the page

# Kernels of this site have a profile of their own: none of what its maker has set, no history, and no word on each one's transport.
profile = DOCS / '_build' / 'ipython' / 'profile_default'
profile.mkdir(parents=True, exist_ok=True)
(profile / 'ipython_kernel_config.py').write_text("c.IPKernelApp.log_level = 'ERROR'\nc.HistoryManager.enabled = False\n")
os.environ['IPYTHONDIR'] = str(profile.parent)

import brainpy_state  # noqa: E402
from docs._site.sources import digest  # noqa: E402

project = 'brainpy_state'
author = 'the brainpy_state developers'
copyright = author
release = version = brainpy_state.__version__
html_title = project

extensions = [
    'myst_nb',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
    'sphinx.ext.mathjax',
    'sphinx_design',
    'sphinx_copybutton',
    'docs._site',
]
exclude_patterns = ['_build', '_site']

# Markdown
myst_enable_extensions = ['amsmath', 'attrs_inline', 'colon_fence', 'deflist', 'dollarmath', 'fieldlist']
myst_heading_anchors = 3

# Pages with code
nb_execution_mode = 'cache'
nb_execution_cache_path = str(DOCS / '_build' / 'executed' / digest()[:16])  # of this state of the package
nb_execution_timeout = 600
nb_execution_in_temp = True  # what a page writes is not left among the pages
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
nb_render_markdown_format = 'myst'  # tables that a page computes

# Docstrings
default_role = 'py:obj'
autodoc_typehints = 'none'
autodoc_member_order = 'bysource'
napoleon_google_docstring = False
napoleon_use_param = False  # what a parameter takes is prose, not a name to link
napoleon_use_rtype = False
autodoc_preserve_defaults = True
napoleon_use_ivar = True
python_use_unqualified_type_names = True
toc_object_entries_show_parents = 'hide'

# Appearance
html_theme = 'pydata_sphinx_theme'
mathjax = Path(importlib.util.find_spec('mathjax').submodule_search_locations[0]) / 'static' / 'mathjax' / 'es5' / 'tex-svg.js'
html_static_path = ['_static', str(mathjax)]
mathjax_path = mathjax.name  # from this site, so that formulas are there without a network
html_css_files = ['site.css']
html_sidebars = {page: [] for page in ('index', 'accuracy', 'benchmarks', 'contributing')}  # which have no section
html_search_scorer = str(DOCS / 'search_scorer.js')
html_show_sourcelink = False
html_copy_source = False
copybutton_exclude = '.linenos, .gp, .go'
html_theme_options = {
    'navbar_align': 'left',
    'header_links_before_dropdown': 8,
    'navigation_with_keys': False,
    'show_prev_next': True,
    'secondary_sidebar_items': ['page-toc'],
    'footer_start': ['copyright'],
    'footer_end': [],
    'logo': {'text': project},
    'pygments_light_style': 'a11y-high-contrast-light',
    'pygments_dark_style': 'a11y-high-contrast-dark',
}
